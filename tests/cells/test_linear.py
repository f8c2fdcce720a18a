"""The cells with a linear recurrence against NumPy loops, finite differences, and their own single steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_charrnn
from keras_charrnn import LinearCell, Recurrent, RecurrentCell, cells, linear_recurrence, windows
from keras_charrnn.callbacks import StateReset
from keras_charrnn.cells.linear import positive
from keras_charrnn.errors import CellError, SettingsError
from keras_charrnn.registry import cells as registered
from tests.conftest import TEXT

B, T, D, H = 3, 6, 4, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def g(x):
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def numpy_min_gru(x, h, W, b):
    z, candidate = np.split(x @ W + b, 2, -1)
    return (1 - sigmoid(z)) * h + sigmoid(z) * g(candidate)


def numpy_min_lstm(x, h, W, b):
    f, i, candidate = np.split(x @ W + b, 3, -1)
    f, i = sigmoid(f), sigmoid(i)
    return f / (f + i) * h + i / (f + i) * g(candidate)


def numpy_rg_lru(x, h, W, b, decay):
    r, i, u = np.split(x @ W + b, 3, -1)
    a = sigmoid(decay) ** (8 * sigmoid(r))
    return a * h + np.sqrt(1 - a**2) * sigmoid(i) * u


STEPS = {"min_gru": numpy_min_gru, "min_lstm": numpy_min_lstm, "rg_lru": numpy_rg_lru}


def numpy_loop(name, x, h, weights):
    outputs = []
    for t in range(x.shape[1]):
        h = STEPS[name](x[:, t], h, *weights)
        outputs.append(h)
    return np.stack(outputs, 1), h


def layer_and_values(name, rng):
    """Return a layer with random weights, inputs, and a state of both signs."""
    layer = Recurrent(registered.get(name)(H), return_state=True)
    layer.build((B, T, D))
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer, rng.normal(0, 1, (B, T, D)).astype("float32"), rng.normal(0, 0.5, (B, H)).astype("float32")


def test_every_linear_cell_is_tested_here():
    assert set(STEPS) == {name for name in registered.names() if issubclass(registered.get(name), LinearCell)}


@pytest.mark.parametrize("name", STEPS)
def test_outputs_and_states_are_those_of_a_numpy_loop(name, rng):
    layer, x, state = layer_and_values(name, rng)
    outputs, after = layer(x, initial_state=[state])
    wanted, last = numpy_loop(name, x.astype("float64"), state, layer.get_weights())
    np.testing.assert_allclose(outputs, wanted, atol=1e-5)
    np.testing.assert_allclose(after[0], last, atol=1e-5)


@pytest.mark.parametrize("name", STEPS)
def test_gradients_are_those_of_finite_differences_of_the_numpy_loop(name, rng):
    layer, x, state = layer_and_values(name, rng)
    pull = rng.normal(0, 1, (B, T, H))
    values = [x, state, *layer.get_weights()]

    def loss(values):
        x, state, *weights = values
        outputs, last = numpy_loop(name, x, state, weights)
        return (outputs * pull).sum() + (last**2).sum()

    tensors = [tf.constant(x), tf.constant(state)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs, after = layer(tensors[0], initial_state=tensors[1:])
        total = tf.reduce_sum(outputs * pull.astype("float32")) + tf.reduce_sum(after[0] ** 2)
    gradients = tape.gradient(total, [*tensors, *(weight.value for weight in layer.trainable_weights)])
    assert len(gradients) == len(values)
    for place, gradient in enumerate(gradients):
        for _ in range(8):
            at = tuple(rng.integers(0, size) for size in values[place].shape)
            up, down = ([value.astype("float64") for value in values] for _ in range(2))
            up[place][at] += 1e-5
            down[place][at] -= 1e-5
            np.testing.assert_allclose(gradient[at], (loss(up) - loss(down)) / 2e-5, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", STEPS)
def test_two_thousand_steps_at_once_are_those_taken_one_by_one(name, rng):
    cell = registered.get(name)(H)
    cell.build((B, D))
    x = tf.constant(rng.normal(size=(B, 2000, D)).astype("float32"))
    states = [tf.constant(rng.normal(size=(B, H)).astype("float32"))]
    outputs, after = cell.parallel(x, states)

    @tf.function(autograph=False)
    def step(x, states):
        return cell(x, states)

    one_by_one = []
    for t in range(2000):
        output, states = step(x[:, t], states)
        one_by_one.append(output)
    np.testing.assert_allclose(outputs, tf.stack(one_by_one, 1), atol=1e-4)
    np.testing.assert_allclose(after[0], states[0], atol=1e-4)


@pytest.mark.parametrize("name", STEPS)
def test_closed_and_open_gates_have_finite_gradients(name, rng):
    layer, x, state = layer_and_values(name, rng)
    with tf.GradientTape() as tape:
        outputs, _ = layer(1000 * x, initial_state=[state])
        total = tf.reduce_sum(outputs)
    gradients = tape.gradient(total, [weight.value for weight in layer.trainable_weights])
    assert all(np.isfinite(each).all() for each in [outputs, *gradients])


def test_initial_weights_are_those_of_the_papers():
    lstm, lru = cells.MinLSTM(4), cells.RGLRU(500)
    for cell in (lstm, lru):
        cell.build((1, 2))
    np.testing.assert_array_equal(lstm.bias, [1] * 4 + [0] * 8)
    decays = sigmoid(lru.decay.numpy().astype("float64")) ** 8
    assert 0.9 <= decays.min() < 0.905 and 0.995 < decays.max() <= 0.9991
    np.testing.assert_allclose(decays.mean(), 0.9495, atol=0.005)


def test_arguments_survive_the_configuration():
    for cell in (cells.MinGRU(3, activation="tanh"), cells.MinLSTM(3), cells.RGLRU(3, decays=(0.5, 0.6))):
        assert type(cell).from_config(cell.get_config()).get_config() == cell.get_config()
    assert cells.MinGRU.from_config(cells.MinGRU(3).get_config()).activation is positive


@pytest.mark.parametrize("decays", [(0.9,), (0.9, 0.8), (0, 0.9), (0.9, 1)])
def test_decays_must_be_in_order(decays):
    with pytest.raises(CellError, match="RGLRU: decays must be two numbers in order, above 0 and below 1; received"):
        cells.RGLRU(3, decays=decays)


@pytest.mark.parametrize("name", STEPS)
def test_a_model_trains_on_two_devices_as_on_one_and_is_the_same_once_loaded(name, make_model, tmp_path):
    losses = []
    for replicas in (1, 2):
        keras.utils.set_random_seed(1)
        model = make_model(cell=name, layers=2)
        model.replicas = replicas
        model.compile(keras.optimizers.SGD(0.3))
        data = windows.training_windows(model.vocabulary.encode(TEXT), 4, 16)
        history = model.fit(data, epochs=3, verbose=0, callbacks=[StateReset()]).history
        losses.append(history["loss"])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras_charrnn.load(tmp_path / "model.keras")
    assert loaded.generate(prefix="the ", length=50, seed=1) == model.generate(prefix="the ", length=50, seed=1)
    assert loaded.score(TEXT[:300]).nats_per_character == pytest.approx(model.score(TEXT[:300]).nats_per_character)


@pytest.mark.parametrize("name", STEPS)
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


def test_a_linear_cell_needs_coefficients_and_a_known_length():
    cls = type("Broken", (LinearCell,), {"gates": ("a",)})
    with pytest.raises(NotImplementedError, match="Broken needs the method coefficients"):
        cls(3)(np.zeros((2, 1), "float32"), [np.zeros((2, 3), "float32")])
    with pytest.raises(SettingsError, match="the number of time steps must be known"):
        Recurrent(cells.MinGRU(2))(keras.Input((None, 3), batch_size=2))


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
