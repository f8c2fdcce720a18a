"""What a cell must be, and what a cell of one's own may do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_charrnn import GatedCell, Recurrent, RecurrentCell, cells
from keras_charrnn.errors import CellError, EffectError, SettingsError
from keras_charrnn.layers.symbols import Symbols


class Coupled(GatedCell):
    gates = ("forget", "output", "candidate")
    states = ("h", "c")

    def combine(self, zx, zr, states):
        f, o, g = ops.split(zx + zr, 3, axis=-1)
        f = ops.sigmoid(f)
        c = f * states["c"] + (1 - f) * ops.tanh(g)
        return {"h": ops.sigmoid(o) * ops.tanh(c), "c": c}


class Peephole(Coupled):
    """With a weight of its own, a state that starts from 1, and an output that is no state."""

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")

    def combine(self, zx, zr, states):
        new = super().combine(zx, zr, states)
        return {**new, "output": self.gain * states["c"] + new["h"]}

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units)), ops.ones((batch_size, self.units))]


class Diagonal(GatedCell):
    """With no recurrent product, and a bias that is its own business."""

    gates = ("input", "candidate")
    states = ("h",)
    recurrent_product = False
    adds_bias = False

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_kernel = self.add_weight(shape=(self.units,), initializer="ones", name="recurrent_kernel")

    def combine(self, zx, zr, states):
        assert zr is None
        i, g = ops.split(ops.tanh(2 * zx) + self.bias, 2, axis=-1)
        return {"h": ops.tanh(self.recurrent_kernel * states["h"] + ops.sigmoid(i) * g)}


class Prepared(Peephole):
    """With something that is made of the input products before the loop, by a weight that the steps use too."""

    def prepare(self, zx):
        return ops.tanh(zx) * ops.tile(self.gain, 3)


class Noisy(GatedCell):
    gates = ("candidate",)

    def combine(self, zx, zr, states, training, seed):
        noise = tf.random.stateless_normal(tf.shape(zx), seed) if training else 0.0
        return {"h": ops.tanh(zx + zr) * (1 + noise)}


def stepwise(layer, x, states):
    outputs = []
    for t in range(x.shape[1]):
        output, states = layer.cell(x[:, t], states)
        outputs.append(output)
    return tf.stack(outputs, 1), states


@pytest.mark.parametrize(
    ("cls", "length"),
    [
        (Coupled, 70),  # longer than the loop writes out as a whole
        (Peephole, 7),
        pytest.param(Diagonal, 70, marks=pytest.mark.thorough),
        (Prepared, 7),
        pytest.param(Prepared, 70, marks=pytest.mark.thorough),
        pytest.param(Coupled, 7, marks=pytest.mark.thorough),
        pytest.param(Peephole, 70, marks=pytest.mark.thorough),
        pytest.param(Diagonal, 7, marks=pytest.mark.thorough),
    ],
)
def test_the_loop_of_a_users_cell_equals_its_steps_and_so_do_all_gradients(cls, length, rng):
    layer = Recurrent(cls(5), return_state=True)
    layer.build((2, length, 3))
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    x = tf.constant(rng.normal(size=(2, length, 3)).astype("float32"))
    states = layer.initial_state(2)
    pull = rng.normal(size=(2, length, 5)).astype("float32")
    results = []
    for run in (lambda: layer(x, initial_state=states), lambda: stepwise(layer, x, states)):
        with tf.GradientTape() as tape:
            outputs, _ = run()
            loss = tf.reduce_sum(outputs * pull)
        results.append([outputs, *tape.gradient(loss, [weight.value for weight in layer.trainable_weights])])
    assert len(results[0]) == 1 + len(layer.trainable_weights)
    for fast, slow in zip(*results, strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-4)


def test_symbols_are_prepared_once_each(rng):
    layer = Recurrent(Prepared(5))
    layer.build((2, 7, 3))
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    embedding, ids = tf.constant(rng.normal(size=(4, 3)).astype("float32")), rng.integers(0, 4, (7, 2))
    variables, results = [weight.value for weight in layer.trainable_weights], []
    for inputs in (lambda: Symbols(ids, embedding), lambda: Symbols(ids, embedding).rows(4)):
        with tf.GradientTape() as tape:
            tape.watch(embedding)
            outputs, _ = layer.run(inputs(), layer.initial_state(2))
            loss = tf.reduce_sum(outputs**2)
        results.append([outputs, *map(tf.convert_to_tensor, tape.gradient(loss, [embedding, *variables]))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.table(embedding), layer.cell.prepare(embedding @ layer.cell.kernel), atol=1e-6)


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (
            lambda self, zx: zx[:, :2],
            CellError,
            r"Broken.prepare must return .* of the shape of zx, \(2, 3\); received \(2, 2\)",
        ),
        (lambda self, zx: None, CellError, r"Broken.prepare must return .* received NoneType"),
        (lambda self, zx: zx.missing, CellError, r"Broken.prepare failed: AttributeError"),
        (
            lambda self, zx: zx / zx,
            CellError,
            r"Broken.prepare returns NaN or infinity as 'zx' when all it gets is zeros",
        ),
        (
            lambda self, zx: zx + tf.random.uniform(tf.shape(zx)),
            EffectError,
            r"<lambda> \(.*line \d+\) draws noise by RandomUniform",
        ),
    ],
)
def test_what_prepare_returns_is_checked(prepare, error, message):
    with pytest.raises(error, match=message):
        Recurrent(broken(prepare=prepare)(3))(np.zeros((2, 4, 1), "float32"))


def test_a_cell_without_a_recurrent_product_has_only_the_weights_it_makes():
    cell = Diagonal(5)
    cell.build((2, 3))
    assert [tuple(weight.shape) for weight in cell.weights] == [(3, 10), (10,), (5,)]
    assert [weight.name for weight in cell.own_weights] == ["bias", "recurrent_kernel"]


def test_a_weight_that_is_not_trained_may_be_used_in_a_long_window(rng):
    class Frozen(Peephole):
        def build(self, input_shape):
            super().build(input_shape)
            self.gain.trainable = False

    layer = Recurrent(Frozen(2), return_state=True)
    layer.build((1, 70, 3))
    x = tf.constant(rng.normal(size=(1, 70, 3)).astype("float32"))
    states = layer.initial_state(1)
    gradients = []
    for run in (tf.function(lambda: layer(x, initial_state=states)), lambda: stepwise(layer, x, states)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(run()[0])
        gradients.append(tape.gradient(loss, [weight.value for weight in layer.trainable_weights]))
    assert len(gradients[0]) == 3
    for fast, slow in zip(*gradients, strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-4)


def test_a_state_that_does_not_start_from_zero_comes_back_with_a_reset(rng):
    layer = Recurrent(Peephole(5), stateful=True)
    x = rng.normal(size=(2, 7, 3)).astype("float32")
    first = layer(x)
    np.testing.assert_array_equal(layer.states[1].shape, (2, 5))
    assert not np.allclose(layer(x), first)
    layer.reset_state()
    np.testing.assert_array_equal(layer.states[1], np.ones((2, 5)))
    np.testing.assert_allclose(layer(x), first, atol=1e-6)


def test_noise_comes_from_the_seed_and_is_the_same_in_the_gradient(rng):
    layer = Recurrent(Noisy(4))
    layer.build((2, 5, 3))
    x = tf.constant(rng.normal(size=(5, 2, 3)).astype("float32"))
    states, seed = layer.initial_state(2), tf.constant([1, 2])

    def loss(x, seed=seed):
        return tf.reduce_sum(layer.run(x, states, training=True, seed=seed)[0])

    assert loss(x) == loss(x)
    assert loss(x) != loss(x, tf.constant([1, 3]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = loss(x)
    gradient = tape.gradient(total, x)
    nudge = np.zeros(x.shape, "float32")
    nudge[1, 0, 2] = 1e-2
    np.testing.assert_allclose(gradient[1, 0, 2], (loss(x + nudge) - loss(x - nudge)) / 2e-2, rtol=2e-2)


def test_a_bias_may_be_set_by_gate():
    cell = Coupled(2, bias_initializer={"output": "ones"})
    cell.build((1, 1))
    np.testing.assert_array_equal(cell.bias, [0, 0, 1, 1, 0, 0])
    twin = Coupled.from_config(cell.get_config())
    twin.build((1, 1))
    np.testing.assert_array_equal(twin.bias, cell.bias)
    with pytest.raises(CellError, match="names 'input', but the gates are forget, output, candidate"):
        Coupled(2, bias_initializer={"input": "ones"})


@pytest.mark.parametrize("units", [0, -1, 2.5, "8", True, None])
def test_units_must_be_a_positive_whole_number(units):
    with pytest.raises(CellError, match="Coupled: units must be a whole number of 1 or more"):
        Coupled(units)


def broken(**attributes):
    return type("Broken", (GatedCell,), {"gates": ("a",), **attributes})


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (broken(gates="a"), "Broken.gates must be a tuple of names"),
        (broken(gates=()), "Broken.gates must be a tuple of names"),
        (broken(states=(1,)), "Broken.states must be a tuple of names"),
        (broken(recurrent_bias=True, recurrent_product=False), "Broken: recurrent_bias = True needs recurrent_product"),
        (broken(recurrent_bias=True, adds_bias=False), "Broken: recurrent_bias = True needs .* adds_bias = True"),
    ],
)
def test_what_a_class_says_of_itself_is_checked(cls, message):
    with pytest.raises(CellError, match=message):
        cls(3)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda zx: zx, r"must return a dictionary of the states by name; received \w+Tensor"),
        (lambda zx: {}, "must return the states 'h' .*; received none"),
        (lambda zx: {"g": zx}, "must return the states 'h' .*; received 'g'"),
        (lambda zx: {"h": zx[:, :1]}, r"must return 'h' in the shape \(2, 3\) \(batch, units\); received \(2, 1\)"),
    ],
)
def test_what_combine_returns_is_checked(result, message):
    cls = broken(combine=lambda self, zx, zr, states: result(zx))
    with pytest.raises(CellError, match=rf"Broken.combine.*{message} \(.*test_contract\.py, line \d+\)"):
        Recurrent(cls(3))(np.zeros((2, 4, 1), "float32"))


def test_a_combine_that_fails_or_returns_nan_is_named():
    def fail(self, zx, zr, states):
        return {"h": states["c"]}

    with pytest.raises(CellError, match=r"Broken\.combine failed: KeyError: 'c' \(.*test_contract\.py, line \d+\)"):
        Recurrent(broken(combine=fail)(3))(np.zeros((2, 4, 1), "float32"))
    divide = broken(combine=lambda self, zx, zr, states: {"h": zx / zr})
    with pytest.raises(
        CellError, match=r"Broken\.combine returns NaN or infinity as 'h' when all it gets is zeros \(.*line"
    ):
        Recurrent(divide(3))(np.zeros((2, 4, 1), "float32"))


def test_what_xla_cannot_compile_runs_uncompiled_with_a_warning(rng):
    def combine(self, zx, zr, states):
        return {"h": tf.tanh(tf.ensure_shape(tf.numpy_function(lambda z: z, [zx], tf.float32), zx.shape) + zr)}

    cell = broken(combine=combine)(3)
    layer = Recurrent(cell)
    x = rng.normal(size=(2, 4, 1)).astype("float32")
    with pytest.warns(UserWarning, match=r"Broken\.combine cannot be compiled by XLA and runs uncompiled"):
        outputs = layer(x)
    np.testing.assert_allclose(outputs, stepwise(layer, tf.constant(x), layer.initial_state(2))[0], atol=1e-6)


def test_a_layer_must_know_the_number_of_steps():
    layer = Recurrent(cells.GRU(2))
    layer.build((2, None, 3))
    with pytest.raises(SettingsError, match="the number of time steps must be known"):
        layer.run(keras.Input((2, 3), batch_size=None), layer.initial_state(2))


def test_missing_methods_are_named():
    with pytest.raises(NotImplementedError, match="Broken needs the method combine"):
        broken()(3)(np.zeros((2, 1)), [np.zeros((2, 3))])
    with pytest.raises(NotImplementedError, match="needs the method call"):
        RecurrentCell(3)(np.zeros((2, 1)), [np.zeros((2, 3))])


def test_any_keras_cell_runs_in_the_layer(rng):
    layer, theirs = (
        Recurrent(keras.layers.LSTMCell(4), return_state=True),
        keras.layers.RNN(keras.layers.LSTMCell(4), return_sequences=True),
    )
    x = rng.normal(size=(2, 6, 3)).astype("float32")
    layer(x), theirs(x)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x)[0], theirs(x), atol=1e-6)
    assert len(layer(x)[1]) == 2
    outputs, states = layer.run(x.transpose(1, 0, 2), layer.initial_state(2), precision="bfloat16")
    assert outputs.dtype == "bfloat16" and all(state.dtype == "float32" for state in states)
    np.testing.assert_allclose(tf.cast(outputs, "float32"), theirs(x).numpy().transpose(1, 0, 2), atol=0.01)


def test_the_layer_takes_nothing_but_cells():
    with pytest.raises(CellError, match=r"takes a cell, which makes one step, such as .*; received 'gru'"):
        Recurrent("gru")
    assert Recurrent(cells.GRU(2)).cell.units == 2
