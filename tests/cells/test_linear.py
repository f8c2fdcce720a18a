"""Linear cells: windows at once against single steps, training, generation, and cells of one's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_charrnn
from keras_charrnn import LinearCell, Recurrent, RecurrentCell, cells, linear_recurrence
from keras_charrnn.errors import CellError
from keras_charrnn.registry import cells as registered
from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import StateReset
from tests.conftest import TEXT
from tests.kinds import of_each_kind

B, T, D, H = 3, 6, 4, 5
LINEAR = [name for name in registered.names() if issubclass(registered.get(name), LinearCell)]


@pytest.mark.parametrize("name", LINEAR)
def test_two_thousand_steps_at_once_are_those_taken_one_by_one(name, rng):
    cell = registered.get(name)(H)
    cell.build((B, D))
    x = tf.constant(rng.normal(size=(B, 2000, D)).astype("float32"))
    states = [tf.constant(rng.normal(size=(B, H)).astype("float32"))]
    outputs, after = cell.parallel(x, states)

    @tf.function(autograph=False)
    def one_by_one(x, state):
        def step(before, x):
            output, (state,) = cell(x, [before[1]])
            return output, state

        return tf.scan(step, tf.transpose(x, (1, 0, 2)), (tf.zeros((B, H)), state))

    stepped, steps = one_by_one(x, states[0])
    np.testing.assert_allclose(outputs, tf.transpose(stepped, (1, 0, 2)), atol=1e-4)
    np.testing.assert_allclose(after[0], steps[-1], atol=1e-4)


@pytest.mark.thorough  # test_char_rnn.py has two replicas
@pytest.mark.parametrize("name", of_each_kind(LINEAR))
@pytest.mark.parametrize(
    ("layers", "length", "epochs"), [(1, 8, 2), pytest.param(2, 16, 3, marks=pytest.mark.thorough)]
)
def test_a_model_trains_with_two_replicas_as_with_one_and_is_the_same_once_loaded(
    name, layers, length, epochs, make_model, tmp_path
):
    losses = []
    for replicas in (1, 2):
        keras.utils.set_random_seed(1)
        model = make_model(cell=name, layers=layers)
        model.replicas = replicas
        model.compile(keras.optimizers.SGD(0.3))
        data = windows.training_windows(model.vocabulary.encode(TEXT), 4, length)
        history = model.fit(data, epochs=epochs, verbose=0, callbacks=[StateReset()]).history
        losses.append(history["loss"])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras_charrnn.load(tmp_path / "model.keras")
    assert loaded.generate(prefix="the ", length=50, seed=1) == model.generate(prefix="the ", length=50, seed=1)
    assert loaded.score(TEXT[:300]).nats_per_character == pytest.approx(model.score(TEXT[:300]).nats_per_character)


@pytest.mark.parametrize("name", of_each_kind(LINEAR))
def test_the_likeliest_text_is_that_of_whole_windows(name, make_model):
    """Generation takes single steps, a call the parallel form."""
    model = make_model(cell=name, layers=2)
    text = model.generate(prefix="the ", length=30, temperature=0)
    ids = model.vocabulary.encode(text).astype("int32")
    logits = model(ids[None, :-1])
    np.testing.assert_array_equal(np.argmax(logits, -1)[0, 3:], ids[4:])


def test_bfloat16_trains_like_float32(make_model):
    losses = []
    for precision in ("float32", "bfloat16"):
        keras.utils.set_random_seed(1)
        model = make_model(cell="min_gru", layers=2)
        model.precision = precision
        model.compile(keras.optimizers.SGD(0.3))
        data = windows.training_windows(model.vocabulary.encode(TEXT), 4, 16)
        losses.append(model.fit(data, epochs=3, verbose=0, callbacks=[StateReset()]).history["loss"])
    np.testing.assert_allclose(*losses, atol=0.02)
    assert losses[0] != losses[1]


class Leaky(LinearCell):
    """A user's cell: a decay of its own for each unit, a weight, and no gate but the candidate."""

    gates = ("candidate",)

    def build(self, input_shape):
        super().build(input_shape)
        self.leak = self.add_weight(shape=(self.units,), initializer="zeros", name="leak")

    def coefficients(self, zx):
        leak = ops.broadcast_to(ops.sigmoid(self.leak), ops.shape(zx))
        return leak, (1 - leak) * ops.tanh(zx)


def test_a_users_linear_cell_is_a_part_of_any_keras_model(rng):
    inputs = keras.Input((7, D))  # of any batch
    model = keras.Model(inputs, Recurrent(Leaky(H))(inputs))
    layer = model.layers[1]
    assert [weight.name for weight in layer.trainable_weights] == ["kernel", "bias", "leak"]
    model.compile("sgd", "mse")
    x = rng.normal(size=(8, 7, D)).astype("float32")
    model.fit(x, rng.normal(size=(8, 7, H)), verbose=0)
    assert np.abs(layer.cell.leak.numpy()).min() > 0
    states = layer.initial_state(8)
    for t in range(7):
        output, states = layer.cell(x[:, t], states)
    np.testing.assert_allclose(model(x)[:, -1], output, atol=1e-6)


@pytest.mark.parametrize(
    ("coefficients", "received"),
    [
        (lambda self, zx: zx, r"\(2, 3\)"),
        (lambda self, zx: (zx, zx[:, :1]), r"\(2, 3\), \(2, 1\)"),
        (lambda self, zx: (0.5, zx), r"float, \(2, 3\)"),
    ],
)
def test_coefficients_are_checked(coefficients, received):
    cls = type("Broken", (LinearCell,), {"gates": ("a",), "coefficients": coefficients})
    message = rf"Broken.coefficients must return a and b of h' = a h \+ b, each \(2, 3\); received {received}"
    with pytest.raises(CellError, match=message):
        cls(3)(np.zeros((2, 1), "float32"), [np.zeros((2, 3), "float32")])


def test_a_linear_cell_needs_coefficients():
    cls = type("Broken", (LinearCell,), {"gates": ("a",)})
    with pytest.raises(NotImplementedError, match="Broken needs the method coefficients"):
        cls(3)(np.zeros((2, 1), "float32"), [np.zeros((2, 3), "float32")])


class Doubled(RecurrentCell):
    """A cell in Keras's contract with a parallel form, and two states, the second the sum of the first."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, units]
        self.calls = []

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.built = True

    def call(self, inputs, states, training=False):
        self.calls.append("step")
        h = 0.9 * states[0] + ops.matmul(inputs, self.kernel)
        return states[1] + h, [h, states[1] + h]

    def parallel(self, inputs, states):
        self.calls.append("parallel")
        zx = ops.transpose(ops.matmul(inputs, self.kernel), (1, 0, 2))
        h, last_h = linear_recurrence(ops.full_like(zx, 0.9), zx, states[0])
        c, last_c = linear_recurrence(ops.ones_like(h), h, states[1])
        return ops.transpose(c, (1, 0, 2)), [last_h, last_c]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_the_layer_takes_the_parallel_form_of_any_cell_that_has_one(precision, tolerance, rng):
    layer = Recurrent(Doubled(H))
    layer.build((B, T, D))
    layer.cell.calls.clear()  # the layer learns the outputs' width from a step
    x = rng.normal(size=(T, B, D)).astype("float32")
    states = [tf.constant(rng.normal(size=(B, H)).astype("float32")) for _ in range(2)]
    with tf.GradientTape() as tape:
        outputs, after = layer.run(tf.cast(x, precision), states, precision=precision)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32))
    assert layer.cell.calls == ["parallel"] and outputs.dtype == precision
    with tf.GradientTape() as slow_tape:
        one_by_one = []
        for t in range(T):
            output, states = layer.cell(x[t], states)
            one_by_one.append(output)
        slow_loss = tf.reduce_sum(one_by_one)
    kernel = layer.cell.kernel.value
    pairs = [
        (tf.cast(outputs, tf.float32), tf.stack(one_by_one)),
        *zip(after, states, strict=True),
        (tape.gradient(loss, kernel), slow_tape.gradient(slow_loss, kernel)),
    ]
    for fast, slow in pairs:
        np.testing.assert_allclose(fast, slow, atol=tolerance * max(1, np.abs(slow).max()))


def test_two_closed_gates_of_the_min_lstm_still_share():
    cell = cells.MinLSTM(1, activation="linear")
    cell.build((1, 3))
    cell.set_weights([np.eye(3), np.zeros(3)])
    for gate in (-200.0, -30.0, 30.0, 200.0):
        output, _ = cell(np.array([[gate, gate, 1.0]], "float32"), [tf.constant([[3.0]])])
        np.testing.assert_allclose(output, [[2.0]], rtol=1e-6)
