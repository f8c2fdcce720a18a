"""Each built-in cell against a NumPy loop, finite differences of it, and, where there is one, Keras's own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import Recurrent
from keras_charrnn.registry import cells as registered
from tests.cells import numpy_steps
from tests.kinds import of_each_kind

B, T, D, H = 3, 6, 4, 5
KERAS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
# Settings of cells whose equations they change, with the NumPy step of their own.
SETTINGS = {
    "slstm_exponential": ("slstm", {"forget_gate": "exponential"}),
    "mogrifier_lstm_of_low_rank": ("mogrifier_lstm", {"rank": 2, "rounds": 4}),
}
BUILT_IN = [name for name in registered.names() if registered.get(name).__module__.startswith("keras_charrnn.")]


def make_cell(name, units=H):
    name, settings = SETTINGS.get(name, (name, {}))
    return registered.get(name)(units, **settings)


def numpy_loop(name, x, states, weights):
    outputs, step = [], getattr(numpy_steps, name)
    for t in range(x.shape[1]):
        output, states = step(x[:, t], states, *weights)
        outputs.append(output)
    return np.stack(outputs, 1), states


def random_case(name, rng):
    """Return a layer with random weights, inputs, and states that it can reach, all others than zero.

    The states are reached in as many steps as the inputs have, so that one compiled window serves both.
    """
    layer = Recurrent(make_cell(name), return_state=True)
    layer.build((B, T, D))
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    before, x = rng.normal(0, 1, (2, B, T, D)).astype("float32")
    _, states = layer(before)
    return layer, x, [state.numpy() for state in states]


@pytest.mark.parametrize("name", [*BUILT_IN, *SETTINGS])
def test_outputs_and_states_are_those_of_a_numpy_loop_and_gradients_those_of_its_finite_differences(name, rng):
    layer, x, states = random_case(name, rng)
    wanted, wanted_after = numpy_loop(name, x.astype("float64"), states, layer.get_weights())

    def compare(outputs, after):
        np.testing.assert_allclose(outputs, wanted, atol=1e-5)
        for state, wanted_state in zip(after, wanted_after, strict=True):
            np.testing.assert_allclose(state, wanted_state, atol=1e-5)

    compare(*layer(x, initial_state=states))
    pull = rng.normal(0, 1, (B, T, H))
    values = [x, *states, *layer.get_weights()]

    def loss(values):
        x, *rest = values
        outputs, after = numpy_loop(name, x, rest[: len(states)], rest[len(states) :])
        return (outputs * pull).sum() + sum((state**2).sum() for state in after)

    tensors = [tf.constant(x), *map(tf.constant, states)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs, after = layer(tensors[0], initial_state=tensors[1:])
        total = tf.reduce_sum(outputs * pull.astype("float32")) + sum(tf.reduce_sum(state**2) for state in after)
    compare(outputs, after)
    gradients = tape.gradient(total, [*tensors, *(weight.value for weight in layer.trainable_weights)])
    for place, gradient in enumerate(gradients):
        for _ in range(8):
            at = tuple(rng.integers(0, size) for size in values[place].shape)
            up, down = ([value.astype("float64") for value in values] for _ in range(2))
            up[place][at] += 1e-5
            down[place][at] -= 1e-5
            np.testing.assert_allclose(gradient[at], (loss(up) - loss(down)) / 2e-5, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", KERAS)
def test_weights_move_to_and_from_keras_layers_unchanged(name, rng):
    theirs = KERAS[name](H, return_sequences=True, return_state=True)
    theirs.build((B, T, D))
    layer, x, states = random_case(name, rng)
    theirs.set_weights(layer.get_weights())
    ours, wanted = layer(x, initial_state=states), theirs(x, initial_state=states)
    for mine, other in zip([ours[0], *ours[1]], wanted, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    layer.set_weights(theirs.get_weights())


@pytest.mark.parametrize("name", BUILT_IN)
def test_other_initializers_and_activations_survive_the_configuration(name):
    cls = registered.get(name)
    settings = {"kernel_initializer": "ones", "recurrent_initializer": "zeros", "bias_initializer": "ones"}
    others = {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}
    others = {each: other for each, other in others.items() if each in cls(3).get_config()}
    cell = cls(3, **settings, **others)
    twin = cls.from_config(cell.get_config())
    assert twin.get_config() == cell.get_config()
    for each in (cell, twin):
        keras.utils.set_random_seed(1)
        each.build((1, 2))
    for mine, other in zip(cell.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    x, states = np.array([[0.3, -0.2]], "float32"), cell.get_initial_state(1)
    np.testing.assert_array_equal(cell(x, states)[0], twin(x, states)[0])
    assert not others or not np.allclose(cell(x, states)[0], cls(3, **settings)(x, states)[0])


def require_finite(run, cell, rng):
    """Run 1,000 steps, the inputs of one row large, and require finite outputs, states and gradients."""
    scales = np.array([[1e3], [1], [1]])  # of the rows, so that one compiled window has both
    x = tf.constant((scales * rng.normal(size=(1000, B, D))).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs, states = run(x)
        loss = tf.reduce_mean(outputs)
    gradients = tape.gradient(loss, [x, *(weight.value for weight in cell.trainable_weights)])
    for tensor in [outputs, *states, *gradients]:
        assert np.isfinite(tensor).all()


@pytest.mark.parametrize("name", of_each_kind(BUILT_IN))
def test_outputs_and_gradients_are_finite_for_large_inputs_and_over_many_steps(name, rng):
    """In Keras's loop, which is there sooner than the engine's."""
    cell = make_cell(name)
    cell.build((B, D))
    loop = keras.layers.RNN(cell, return_sequences=True, return_state=True)

    @tf.function(autograph=False)
    def run(x):
        outputs, *states = loop(tf.transpose(x, (1, 0, 2)), initial_state=cell.get_initial_state(B))
        return outputs, states

    require_finite(run, cell, rng)


@pytest.mark.thorough  # beside the test above
@pytest.mark.parametrize("name", of_each_kind(BUILT_IN, kinds=("gru", "rg_lru")))
def test_outputs_and_gradients_are_as_finite_in_the_layer(name, rng):
    cell = make_cell(name)
    layer = Recurrent(cell)
    layer.build((B, T, D))
    require_finite(lambda x: layer.run(x, layer.initial_state(B)), cell, rng)
