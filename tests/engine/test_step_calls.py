"""Several steps in one call of compiled code are the same steps."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import GatedCell, Recurrent, cells
from keras_charrnn.engine import compiled_product, onednn_product, step_calls
from keras_charrnn.registry import cells as registered
from tests.conftest import is_thorough

B, D, H = 4, 3, 72
PRODUCTS = [name for name in registered.names() if getattr(registered.get(name), "recurrent_product", False)]
KINDS_OF_PRODUCTS = ["dots", "packed"]
thorough = pytest.mark.thorough


class TwoWays(GatedCell):
    """An output that is no state, a state that is not read, and weights of its own."""

    gates = ("a", "b")
    states = ("fast", "slow")

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")

    def combine(self, zx, zr, states):
        a, b = tf.split(zx + zr, 2, axis=-1)
        slow = 0.9 * states["slow"] + 0.1 * self.gain * tf.tanh(b)
        return {"fast": tf.tanh(a), "slow": slow, "output": slow * tf.sigmoid(a)}


@pytest.fixture(autouse=True)
def tolerance(request, monkeypatch):
    """Of either kind of product: packed ones are TensorFlow's own, dots are not rounded to bfloat16.

    Plain ones are in the place of both where the processor has none, and of packed ones where this TensorFlow has not.
    A test that names no kind has dots.
    """
    kind = getattr(request, "param", "dots")
    monkeypatch.setattr(compiled_product, "PACKED", 0 if kind == "packed" else 2**30)
    if not compiled_product.is_usable(B, 64, 64):
        monkeypatch.setattr(compiled_product, "is_usable", lambda rows, *_: rows is not None)
        monkeypatch.setattr(onednn_product, "pack", lambda kernel: tf.cast(kernel, "bfloat16"))
        monkeypatch.setattr(onednn_product, "pack_transposed", lambda kernel: tf.cast(tf.transpose(kernel), "bfloat16"))
        monkeypatch.setattr(onednn_product, "product", lambda x, kernel, columns: tf.matmul(x, kernel))
    return {"dots": 3e-2, "packed": 1e-2}[kind]


@pytest.fixture
def length(request, monkeypatch):
    """A window of several calls: of few steps each, which compile sooner, but where all that is thorough runs too."""
    if is_thorough(request.config):
        return 12
    monkeypatch.setattr(step_calls, "MOST", 2)
    monkeypatch.setattr(step_calls, "FEW", 2)
    return 5


def with_quick(quick, others):
    """Return the parameters of a test for either kind of product, those that are not in `quick` marked as thorough."""
    every = [(*case, kind) for case in others for kind in KINDS_OF_PRODUCTS]
    return [*quick, *(pytest.param(*case, marks=thorough) for case in every if case not in quick)]


either = pytest.mark.parametrize("tolerance", ["packed", pytest.param("dots", marks=thorough)], indirect=True)


def run_and_gradients(layer, x, states, seed=None, marks=None, factor=1.0, in_a_graph=True, precision="bfloat16"):
    def run(x, states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs, after = layer.run(x, states, seed is not None, seed, precision, marks)
            outputs = tf.cast(outputs, "float32")
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
            loss *= factor
        sources = [x, *states, *(weight.value for weight in layer.trainable_weights)]
        return [outputs, *after, *tape.gradient(loss, sources)]

    return (tf.function(run, autograph=False) if in_a_graph else run)(x, states)


def recorded(monkeypatch):
    """Return a list that grows with every use of `SeveralStepsPerCall`."""
    taken = []

    class Recorded(step_calls.SeveralStepsPerCall):
        def __init__(self, *arguments):
            taken.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(step_calls, "SeveralStepsPerCall", Recorded)
    return taken


def both_ways(layer, monkeypatch, *arguments, **options):
    """Return what the steps make together and, each by itself, apart; they differ by no more than a rounding."""
    taken = recorded(monkeypatch)
    together = run_and_gradients(layer, *arguments, **options)
    assert taken
    monkeypatch.setattr(compiled_product, "is_usable", lambda *_: False)
    taken.clear()
    apart = run_and_gradients(layer, *arguments, **options, in_a_graph=False)
    assert not taken
    return zip(together, apart, strict=True)


def make(cell, length, rng):
    layer = Recurrent(cell)
    layer.build((B, length, D))
    before, x = (tf.constant(rng.normal(size=(steps, B, D)).astype("float32")) for steps in (3, length))
    states = layer.initial_state(B)
    for each in before:  # one by one, uncompiled
        _, states = layer.cell(each, states)
    return layer, x, [tf.identity(state) for state in states]  # one tensor as two states would have one gradient


@pytest.mark.parametrize(
    ("name", "length", "tolerance"),
    with_quick(
        [("gru", 6, "dots")],
        [*((name, 12) for name in PRODUCTS), *(("lstm", length) for length in (1, 7, 23, 50, 70))],
    ),
    indirect=["tolerance"],
)
def test_together_they_make_what_they_make_apart(name, length, tolerance, rng, monkeypatch):
    layer, x, states = make(registered.get(name)(H), length, rng)
    for one, other in both_ways(layer, monkeypatch, x, states):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


@either
def test_so_do_groups_of_which_the_last_is_shorter(length, tolerance, rng, monkeypatch):
    layer, x, states = make(cells.LSTM(H), length, rng)
    for one, other in both_ways(layer, monkeypatch, x, states):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


@either
def test_with_an_output_of_its_own_and_a_state_that_nobody_reads(length, tolerance, rng, monkeypatch):
    layer, x, states = make(TwoWays(H), length, rng)
    for one, other in both_ways(layer, monkeypatch, x, states):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


NOISY = {
    "zoneout": lambda: cells.Zoneout(cells.LSTM(H), 0.3),
    "dropout": lambda: cells.RecurrentDropout(cells.GRU(H), 0.3),
}


@pytest.mark.parametrize(
    ("name", "tolerance"),
    with_quick([("zoneout", "dots"), ("dropout", "packed")], [(name,) for name in NOISY]),
    indirect=["tolerance"],
)
def test_they_get_the_same_noise(name, length, tolerance, rng, monkeypatch):
    layer, x, states = make(NOISY[name](), length, rng)
    seed = tf.constant([3, 4])
    for one, other in both_ways(layer, monkeypatch, x, states, seed):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


@either
def test_a_gradient_that_is_no_number_is_not_hidden(length, tolerance, rng, monkeypatch):
    layer, x, states = make(cells.LSTM(H), length, rng)
    for one, other in both_ways(layer, monkeypatch, x, states, factor=np.nan):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))


def sizes(name, length):
    """Return how many steps a cell takes at once."""
    layer = Recurrent(registered.get(name)(H))
    layer.build((B, length, D))
    step = layer._step(False, "bfloat16")
    chosen = []
    tf.function(lambda: chosen.append(step_calls.choose_calls(step, B, False)), autograph=False)()
    assert chosen == [step_calls.SeveralStepsPerCall]
    groups = step_calls.SeveralStepsPerCall(step, tf.convert_to_tensor(layer.cell.recurrent_kernel)).groups(length)
    assert [t for group in groups for t in range(group.start, group.stop)] == list(range(length))
    return [group.stop - group.start for group in groups]


def test_a_window_is_cut_into_equal_groups_where_there_are_such():
    assert sizes("lstm", 50) == [10] * 5
    assert sizes("lstm", 64) == [8] * 8
    assert sizes("lstm", 7) == [7]
    assert sizes("lstm", 1) == [1]
    assert sizes("lstm", 23) == [10, 10, 3]


def test_steps_that_do_not_wait_for_all_before_them_are_few():
    assert sizes("layer_norm_lstm", 50) == sizes("gru", 50) == [5] * 10


@pytest.mark.parametrize("reason", ["float32", "restarts", "uncompiled", "eagerly"])
def test_apart_where_they_cannot_be_together(reason, rng, monkeypatch):
    layer, x, states = make(cells.LSTM(H), 5, rng)
    taken = recorded(monkeypatch)
    marks = tf.constant(rng.random((5, B)) < 0.3) if reason == "restarts" else None
    if reason == "uncompiled":
        monkeypatch.setattr(type(layer._step(False, "bfloat16")), "compiled", False)
    precision = "float32" if reason == "float32" else "bfloat16"
    found = run_and_gradients(layer, x, states, marks=marks, precision=precision, in_a_graph=reason != "eagerly")
    assert all(np.isfinite(each).all() for each in found)
    assert not taken
