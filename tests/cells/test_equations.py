"""Each built-in cell against a NumPy loop, finite differences, and Keras's own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import Recurrent, cells
from keras_charrnn.registry import cells as registered

B, T, D, H = 3, 6, 4, 5
BUILT_IN = ["simple_rnn", "gru", "lstm"]
KERAS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_simple_rnn(x, states, W, U, b):
    (h,) = states
    h = np.tanh(x @ W + b + h @ U)
    return h, [h]


def numpy_gru(x, states, W, U, b):
    (h,) = states
    (xz, xr, xg), (hz, hr, hg) = np.split(x @ W + b[0], 3, -1), np.split(h @ U + b[1], 3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    h = z * h + (1 - z) * np.tanh(xg + r * hg)
    return h, [h]


def numpy_lstm(x, states, W, U, b):
    h, c = states
    i, f, g, o = np.split(x @ W + h @ U + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


STEPS = {"simple_rnn": numpy_simple_rnn, "gru": numpy_gru, "lstm": numpy_lstm}


def numpy_loop(name, x, states, weights):
    outputs = []
    for t in range(x.shape[1]):
        output, states = STEPS[name](x[:, t], states, *weights)
        outputs.append(output)
    return np.stack(outputs, 1), states


def layer_with_random_weights(name, rng):
    layer = Recurrent(registered.get(name)(H), return_state=True)
    layer.build((B, T, D))
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    states = [rng.normal(0, 0.5, (B, H)).astype("float32") for _ in layer.cell.state_size]
    return layer, states


@pytest.mark.parametrize("name", BUILT_IN)
def test_outputs_and_states_are_those_of_a_numpy_loop(name, rng):
    layer, states = layer_with_random_weights(name, rng)
    x = rng.normal(0, 1, (B, T, D)).astype("float32")
    outputs, after = layer(x, initial_state=states)
    wanted, wanted_after = numpy_loop(name, x.astype("float64"), states, layer.get_weights())
    np.testing.assert_allclose(outputs, wanted, atol=1e-5)
    for state, wanted_state in zip(after, wanted_after, strict=True):
        np.testing.assert_allclose(state, wanted_state, atol=1e-5)


@pytest.mark.parametrize("name", BUILT_IN)
def test_gradients_are_those_of_finite_differences_of_the_numpy_loop(name, rng):
    layer, states = layer_with_random_weights(name, rng)
    x = rng.normal(0, 1, (B, T, D)).astype("float32")
    pull = rng.normal(0, 1, (B, T, H))
    values = [x, *states, *layer.get_weights()]

    def loss(values):
        x, *rest = values
        states, weights = rest[: len(states_count)], rest[len(states_count) :]
        outputs, after = numpy_loop(name, x, states, weights)
        return (outputs * pull).sum() + sum((state**2).sum() for state in after)

    states_count = states
    tensors = [tf.constant(x), *map(tf.constant, states)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs, after = layer(tensors[0], initial_state=tensors[1:])
        total = tf.reduce_sum(outputs * pull.astype("float32")) + sum(tf.reduce_sum(state**2) for state in after)
    gradients = tape.gradient(total, [*tensors, *(weight.value for weight in layer.trainable_weights)])
    for place, gradient in enumerate(gradients):
        for _ in range(8):
            at = tuple(rng.integers(0, size) for size in values[place].shape)
            up, down = ([value.astype("float64") for value in values] for _ in range(2))
            up[place][at] += 1e-5
            down[place][at] -= 1e-5
            np.testing.assert_allclose(gradient[at], (loss(up) - loss(down)) / 2e-5, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", BUILT_IN)
def test_weights_move_to_and_from_keras_layers_unchanged(name, rng):
    theirs = KERAS[name](H, return_sequences=True, return_state=True)
    theirs.build((B, T, D))
    layer, states = layer_with_random_weights(name, rng)
    theirs.set_weights(layer.get_weights())
    x = rng.normal(0, 1, (B, T, D)).astype("float32")
    ours, wanted = layer(x, initial_state=states), theirs(x, initial_state=states)
    for mine, other in zip([ours[0], *ours[1]], wanted, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    layer.set_weights(theirs.get_weights())


@pytest.mark.parametrize("name", BUILT_IN)
def test_initial_weights_have_the_distributions_of_keras(name):
    theirs, ours = KERAS[name](64), registered.get(name)(64)
    theirs.build((1, 1, 32))
    ours.build((1, 32))
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose([mine.mean(), mine.std()], [other.mean(), other.std()], atol=0.02)
    recurrent = ours.recurrent_kernel.numpy()[:, :64]
    assert not np.allclose(recurrent @ recurrent.T, 0)


def test_the_forget_gate_of_the_lstm_begins_open():
    cell = cells.LSTM(4)
    cell.build((1, 2))
    np.testing.assert_array_equal(cell.bias, [0] * 4 + [1] * 4 + [0] * 8)


@pytest.mark.parametrize("name", BUILT_IN)
def test_other_activations_and_initializers_survive_the_configuration(name):
    cell = registered.get(name)(3, activation="relu", bias_initializer="ones")
    twin = type(cell).from_config(cell.get_config())
    assert twin.get_config() == cell.get_config()
    assert twin.activation is keras.activations.relu
    twin.build((1, 2))
    np.testing.assert_array_equal(twin.bias, np.ones(twin.bias.shape))
