"""All steps of a window in one call of compiled code are the same steps."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import GatedCell, Recurrent, cells
from keras_charrnn.engine import compiled_product, onednn_product, step_calls, xla_product
from keras_charrnn.registry import cells as registered

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
    if not compiled_product.is_usable(B, 64, 64, "bfloat16"):
        monkeypatch.setattr(compiled_product, "is_usable", lambda rows, *_: rows is not None)
        for name in ("pack", "pack_transposed"):
            monkeypatch.setattr(onednn_product, name, getattr(xla_product, name))
        monkeypatch.setattr(onednn_product, "product", lambda x, kernel, columns: tf.matmul(x, kernel))
    return {"dots": 3e-2, "packed": 2**-6}[kind]  # two of the last bits, where a processor has no bfloat16


def with_quick(quick, others):
    """Return the parameters of a test for either kind of product, those that are not in `quick` marked as thorough."""
    every = [(*case, kind) for case in others for kind in KINDS_OF_PRODUCTS]
    return [*quick, *(pytest.param(*case, marks=thorough) for case in every if case not in quick)]


either = pytest.mark.parametrize("tolerance", ["packed", pytest.param("dots", marks=thorough)], indirect=True)


def run_and_gradients(
    layer, x, states, seed=None, marks=None, factor=1.0, in_a_graph=True, precision="bfloat16", training=True
):
    def run(x, states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs, after = layer.run(x, states, training, seed, precision, marks)
            outputs = tf.cast(outputs, "float32")
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
            loss *= factor
        sources = [x, *states, *(weight.value for weight in layer.trainable_weights)]
        return [outputs, *after, *tape.gradient(loss, sources)]

    return (tf.function(run, autograph=False) if in_a_graph else run)(x, states)


def recorded(monkeypatch):
    """Return a list that grows with every use of `WholeWindow`."""
    taken = []

    class Recorded(step_calls.WholeWindow):
        def __init__(self, *arguments):
            taken.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(step_calls, "WholeWindow", Recorded)
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
    if name == "layer_norm_lstm":  # which makes a rounding before it larger
        tolerance *= 2
    for one, other in both_ways(layer, monkeypatch, x, states):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


@pytest.mark.parametrize("name", ["lstm", *(pytest.param(name, marks=thorough) for name in PRODUCTS if name != "lstm")])
@pytest.mark.parametrize("large", [False, True])
def test_in_float32_to_the_last_digits(name, large, rng, monkeypatch):
    monkeypatch.setattr(compiled_product, "TRANSPOSED", 0 if large else 2**30)
    monkeypatch.setattr(compiled_product, "has_avx2_alone", lambda: True)
    # Of other sizes: a loop that has been traced for one kind of product would serve the other.
    layer, x, states = make(registered.get(name)(H + large), 5, rng)
    for one, other in both_ways(layer, monkeypatch, x, states, precision="float32"):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1, float(tf.reduce_max(tf.abs(other)))))


@pytest.mark.parametrize("training", [True, False])
def test_they_begin_anew_where_they_do_apart_and_have_a_gradient_outside_of_a_training_too(training, rng, monkeypatch):
    layer, x, states = make(cells.SLSTM(H), 6, rng)
    marks = tf.constant(rng.random((6, B)) < 0.4)
    assert 0 < tf.reduce_sum(tf.cast(marks, "int32")) < 6 * B
    how = {"marks": marks, "precision": "float32", "training": training}
    for one, other in both_ways(layer, monkeypatch, x, states, **how):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1, float(tf.reduce_max(tf.abs(other)))))


@either
def test_with_an_output_of_its_own_and_a_state_that_nobody_reads(tolerance, rng, monkeypatch):
    layer, x, states = make(TwoWays(H), 5, rng)
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
def test_they_get_the_same_noise(name, tolerance, rng, monkeypatch):
    layer, x, states = make(NOISY[name](), 5, rng)
    seed = tf.constant([3, 4])
    for one, other in both_ways(layer, monkeypatch, x, states, seed):
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(other)))))


@either
def test_a_gradient_that_is_no_number_is_not_hidden(tolerance, rng, monkeypatch):
    layer, x, states = make(cells.LSTM(H), 5, rng)
    for one, other in both_ways(layer, monkeypatch, x, states, factor=np.nan):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))


def test_what_a_step_does_not_read_going_back_is_not_kept():
    layer = Recurrent(TwoWays(H))
    layer.build((B, 5, D))
    step = layer._step(False, "float32")
    step.find_gradients()
    assert step.reads == [False, True] and step.own_output and step.same_gradient


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_equations_are_traced_once_forward_and_once_backward(precision, rng, monkeypatch):
    traced, combine = [], TwoWays.combine
    monkeypatch.setattr(TwoWays, "combine", lambda self, *products: traced.append(1) or combine(self, *products))
    layer, x, states = make(TwoWays(H), 5, rng)
    layer._step(True, precision)  # where it is tried out
    traced.clear()
    run_and_gradients(layer, x, states, precision=precision)
    assert len(traced) == 2


def test_the_graph_does_not_grow_with_the_window(rng):
    def nodes(length):
        layer, x, states = make(cells.LSTM(H), length, rng)
        run = tf.function(lambda x: layer.run(x, states, False, None, "float32")[0], autograph=False)
        return len(run.get_concrete_function(x).graph.get_operations())

    assert nodes(5) == nodes(600) < 60


@pytest.mark.parametrize("reason", ["uncompiled", "eagerly"])
def test_apart_where_they_cannot_be_together(reason, rng, monkeypatch):
    layer, x, states = make(cells.LSTM(H), 5, rng)
    taken = recorded(monkeypatch)
    if reason == "uncompiled":
        monkeypatch.setattr(type(layer._step(False, "bfloat16")), "compiled", False)
    found = run_and_gradients(layer, x, states, in_a_graph=reason != "eagerly")
    assert all(np.isfinite(each).all() for each in found)
    assert not taken
