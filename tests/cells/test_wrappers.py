"""Zoneout and recurrent dropout: the masks' statistics, and the loop against single steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import Recurrent, cells
from keras_charrnn.cells import RecurrentDropout, Zoneout
from keras_charrnn.errors import CellError
from tests.cells.test_contract import Coupled, Diagonal, Peephole

B, T, D, H = 8, 40, 3, 32
SEED = tf.constant([3, 4])


class Other(cells.GatedCell):
    """Its state is 1 after every step, its output the recurrent product."""

    gates = ("a",)

    def combine(self, zx, zr, states):
        return {"h": states["h"] * 0 + 1, "output": zr}


class Seeded(cells.GatedCell):
    """Makes the same of its seed wherever it runs, unlike random numbers in and out of XLA."""

    gates = ("a",)

    def combine(self, zx, zr, states, seed):
        return {"h": tf.tanh(zx + zr) * tf.cast(seed[1] % 7 + seed[0] % 5, zx.dtype) / 10}


def run(layer, x, seed=SEED, states=None, **options):
    states = layer.initial_state(x.shape[1]) if states is None else states
    return layer.run(tf.constant(x), states, training=seed is not None, seed=seed, **options)


def within_binomial_bounds(mask, rate):
    return abs(np.mean(mask) - rate) < 4 * np.sqrt(rate * (1 - rate) / np.size(mask))


def make(wrap, length=T, cell=None):
    layer = Recurrent(wrap(cell or cells.LSTM(H)))
    layer.build((B, length, D))
    return layer


@pytest.mark.parametrize("rate", [0.1, 0.6])
@pytest.mark.parametrize("length", [T, 70])
def test_zoneout_keeps_its_share_of_a_states_entries_others_at_each_step(rate, length, rng):
    layer = make(lambda cell: Zoneout(cell, {"h": rate}), length)
    outputs, _ = run(layer, rng.normal(size=(length, B, D)).astype("float32"))
    kept = np.diff(outputs.numpy(), axis=0) == 0
    assert within_binomial_bounds(kept, rate)
    for axis in (0, 1):  # steps and rows have masks of their own
        assert within_binomial_bounds(np.take(kept, 0, axis) != np.take(kept, 1, axis), 2 * rate * (1 - rate))


def test_each_state_has_masks_of_its_own_and_windows_have_too(rng):
    layer = make(lambda cell: Zoneout(cell, 0.5), 1)
    x = rng.normal(size=(1, B, D)).astype("float32")
    h, c = (state.numpy() == 0 for state in run(layer, x)[1])
    other = run(layer, x, tf.constant([3, 5]))[1][0].numpy() == 0
    assert within_binomial_bounds(h != c, 0.5) and within_binomial_bounds(h != other, 0.5)


def test_zoneout_mixes_by_its_rate_outside_training(rng):
    cell = cells.GRU(H)
    layer = make(lambda cell: Zoneout(cell, 0.3), cell=cell)
    x, before = rng.normal(size=(1, B, D)).astype("float32"), rng.normal(size=(B, H)).astype("float32")
    plain, _ = cell(x[0], [before])
    (output,), _ = run(layer, x, None, [tf.constant(before)])
    np.testing.assert_allclose(output, 0.3 * before + 0.7 * plain, atol=1e-6)


def test_recurrent_dropout_has_one_mask_for_all_steps_of_a_window(rng):
    rate, length = 0.4, 70  # longer than the part that is written out
    layer = make(lambda cell: RecurrentDropout(cell, rate), length, Other(H, recurrent_initializer="identity"))
    x = np.zeros((length, B, D), "float32")
    outputs, states = run(layer, x)
    masks = outputs.numpy()[1:]  # what the product had, the state being 1
    np.testing.assert_allclose(np.unique(masks), [0, 1 / (1 - rate)], rtol=1e-6)
    assert (masks == masks[0]).all()
    assert within_binomial_bounds(masks[0] == 0, rate)
    assert within_binomial_bounds(masks[0, 0] != masks[0, 1], 2 * rate * (1 - rate))
    again = run(layer, x, tf.constant([3, 5]))[0].numpy()[1:]
    assert within_binomial_bounds(again[0] != masks[0], 2 * rate * (1 - rate))
    np.testing.assert_array_equal(states[1], np.ones((B, H)))  # the equations see the whole state
    np.testing.assert_array_equal(run(layer, x, None)[0][1:], np.ones((length - 1, B, H)))


def test_recurrent_dropout_is_nothing_outside_training(rng):
    x = rng.normal(size=(T, B, D)).astype("float32")
    cell = cells.GRU(H)
    layer = make(lambda cell: RecurrentDropout(cell, 0.5), cell=cell)
    np.testing.assert_allclose(run(layer, x, None)[0], run(Recurrent(cell), x, None)[0], atol=1e-6)


def wrap_all(cell):
    """Wrap a cell in all that it can have."""
    cell = Zoneout(cell, 0.2)
    return RecurrentDropout(cell, 0.3) if cell.recurrent_product else cell


def stepwise(layer, x, seed):
    """The same without the engine: each step eagerly, with TensorFlow's own gradient."""
    cell, states, outputs = layer.cell, layer.initial_state(B), []
    noises = cell.draw_noise(seed, 0, len(x), B)
    for t in range(len(x)):
        zx = cell.unwrap().prepare(x[t] @ cell.kernel) + (cell.biases[0] if cell.biases else 0.0)
        zr = states[0] @ cell.recurrent_kernel if cell.recurrent_product else None
        if cell.recurrent_bias:
            zr += cell.biases[1]
        inner = tf.random.experimental.stateless_fold_in(seed, t)
        output, states = cell.step(zx, zr, states, training=True, seed=inner, noise=noises[t])
        outputs.append(output)
    return tf.stack(outputs), states


# Those that differ most: two biases; a weight of its own and an output that is no state; the seed.
CELLS = [cells.GRU, Peephole, Seeded]
OTHERS = [cells.RGLRU, Diagonal, cells.LSTM, cells.LayerNormLSTM, cells.IndRNN, Coupled]


@pytest.mark.parametrize("cls", [*CELLS, *(pytest.param(cls, marks=pytest.mark.thorough) for cls in OTHERS)])
def test_the_loop_equals_single_steps_with_the_same_noise_and_so_do_the_gradients(cls, rng, float64):
    layer = make(wrap_all, cell=cls(H))
    x, pull = tf.constant(rng.normal(size=(T, B, D))), rng.normal(size=(T, B, H))
    results = []
    for function in (lambda: run(layer, x, precision="float64"), lambda: stepwise(layer, x, SEED)):
        with tf.GradientTape() as tape:
            outputs, states = function()
            loss = tf.reduce_sum(outputs * pull) + sum(tf.reduce_sum(tf.sin(state)) for state in states)
        results.append([outputs, *states, *tape.gradient(loss, [each.value for each in layer.trainable_weights])])
    assert len(results[0]) > 4
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_a_wrapper_survives_its_configuration(rng):
    layer = make(wrap_all)
    x = rng.normal(size=(B, T, D)).astype("float32")
    twin = Recurrent.from_config(layer.get_config())
    twin.build((B, T, D))
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x), layer(x))
    assert (twin.cell.rate, twin.cell.cell.rate) == (0.3, 0.2)


def test_keras_may_step_a_wrapped_cell_in_training(rng):
    layer = keras.layers.RNN(wrap_all(cells.GRU(H)), return_sequences=True)
    x = rng.normal(size=(B, 5, D)).astype("float32")
    assert not np.allclose(layer(x, training=True), layer(x))


@pytest.mark.parametrize(
    ("make_wrapper", "message"),
    [
        (lambda: Zoneout(keras.layers.LSTMCell(2), 0.1), "Zoneout .* takes a GatedCell; received LSTMCell"),
        (lambda: RecurrentDropout("gru", 0.1), "RecurrentDropout .* received 'gru'"),
        (lambda: Zoneout(cells.GRU(2), 1.0), "Zoneout: a rate must be a number at least 0 and below 1; received 1.0"),
        (lambda: Zoneout(cells.GRU(2), {"c": 0.1}), "the rate names 'c', but the states of GRU are h"),
        (lambda: RecurrentDropout(cells.GRU(2), True), "received True"),
        (lambda: RecurrentDropout(cells.IndRNN(2), 0.1), "the recurrent product; IndRNN has no such product"),
        (lambda: RecurrentDropout(Zoneout(cells.MinGRU(2), 0.1), 0.1), "MinGRU has no such product"),
        (lambda: Zoneout(RecurrentDropout(cells.GRU(2), 0.1), 0.1), "Zoneout goes inside"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(make_wrapper, message):
    with pytest.raises(CellError, match=message):
        make_wrapper()


def test_weight_drop_drops_its_share_of_the_recurrent_kernel_once_a_window():
    rate, length = 0.3, 70
    for cell in (Other(H, recurrent_initializer="ones"), keras.layers.SimpleRNNCell(H, recurrent_initializer="ones")):
        layer = Recurrent(cell, weight_drop=rate)
        layer.build((H, length, D))
        # One step from each unit vector reads the kernel.
        states = [tf.eye(H)]
        x = np.zeros((1, H, D), "float32")
        read = [run(layer, x, seed, states)[0][0].numpy() for seed in (SEED, SEED, tf.constant([3, 5]))]
        np.testing.assert_array_equal(read[0], read[1])
        assert within_binomial_bounds(read[0] == 0, rate)
        assert within_binomial_bounds((read[0] == 0) != (read[2] == 0), 2 * rate * (1 - rate))
        assert (run(layer, x, None, states)[0][0].numpy() != 0).all()
    layer = Recurrent(Other(H, recurrent_initializer="identity"), weight_drop=rate)
    layer.build((B, length, D))
    outputs = run(layer, np.zeros((length, B, D), "float32"))[0].numpy()[1:]
    np.testing.assert_allclose(np.unique(outputs), [0, 1 / (1 - rate)], rtol=1e-6)
    assert (outputs == outputs[0, 0]).all()  # rows and steps share the mask
    with pytest.raises(
        CellError, match=r"weight_drop needs a cell with a recurrent product, .* StackedRNNCells has none"
    ):
        Recurrent(keras.layers.StackedRNNCells([cells.GRU(2)]), weight_drop=0.1).build((1, 1, 1))


def test_the_gradient_of_a_dropped_kernel_is_that_of_its_copy(rng):
    layer = make(lambda cell: cell)
    layer.weight_drop = 0.5
    x = rng.normal(size=(T, B, D)).astype("float32")

    def loss():
        return tf.reduce_sum(run(layer, x)[0] ** 2)

    kernel = layer.cell.recurrent_kernel
    with tf.GradientTape() as tape:
        total = loss()
    gradient = tape.gradient(total, kernel.value)
    dropped = gradient.numpy() == 0
    assert within_binomial_bounds(dropped, 0.5)
    direction, start = rng.normal(size=kernel.shape).astype("float32"), kernel.numpy()
    ends = []
    for sign in (1, -1):
        kernel.assign(start + sign * 1e-3 * direction)
        ends.append(float(loss()))
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-3, np.sum(gradient * direction), rtol=2e-2)


class Product(cells.RecurrentCell):
    """Computes a window at once: its outputs are the product of the state before, at all steps."""

    def build(self, input_shape):
        self.recurrent_kernel = self.add_weight((self.units, self.units), initializer="ones", name="recurrent_kernel")
        self.built = True

    def call(self, inputs, states, training=False):
        h = states[0] @ self.recurrent_kernel
        return h, [h]

    def parallel(self, inputs, states):
        h = states[0] @ self.recurrent_kernel
        return tf.stack([h] * inputs.shape[1], 1), [h]


def test_weight_drop_drops_in_a_cells_own_parallel_form():
    layer = Recurrent(Product(H), weight_drop=0.3)
    layer.build((H, 2, D))
    read, plain = (run(layer, np.zeros((2, H, D), "float32"), seed, [tf.eye(H)])[0][0] for seed in (SEED, None))
    np.testing.assert_allclose(np.unique(read), [0, 1 / 0.7], rtol=1e-6)
    assert within_binomial_bounds(read.numpy() == 0, 0.3)
    np.testing.assert_array_equal(plain, np.ones((H, H)))


@pytest.mark.parametrize("cell", [cells.IndRNN(2), cells.MinGRU(2), Zoneout(cells.RGLRU(2), 0.1), cells.RHN(2)])
def test_weight_drop_is_refused_where_there_is_no_recurrent_kernel(cell):
    with pytest.raises(CellError, match=rf"weight_drop needs .*; {type(cell).__name__} has none"):
        Recurrent(cell, weight_drop=0.1).build((1, 1, 1))


def test_a_wrapped_cell_that_fails_is_named_with_its_place():
    class Broken(cells.GatedCell):
        gates = ("a",)

        def combine(self, zx, zr, states):
            return {"h": states["c"]}

    with pytest.raises(CellError, match=r"Broken\.combine failed: KeyError: 'c' \(.*test_wrappers\.py, line \d+\)"):
        Recurrent(wrap_all(Broken(3)))(np.zeros((2, 4, 1), "float32"))


def test_a_wrapped_cell_keeps_its_precision(float64, rng):
    layer = make(wrap_all, 5, cells.LSTM(4))
    x = rng.normal(size=(5, B, D))
    outputs, states = layer.run(tf.constant(x), layer.initial_state(B), training=True, seed=SEED, precision="float64")
    expected, _ = stepwise(layer, tf.constant(x), SEED)
    assert {each.dtype for each in (outputs, *states)} == {tf.float64}
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
