"""What `evaluate` of a `CharRNN` does besides Keras's own. TensorFlow only.

Shapes in letters: B batch, T time.
"""

import keras
import tensorflow as tf

from keras_charrnn.model.data import dataset_of, shape_of


class Evaluating:
    """`evaluate` of a `CharRNN`, with states of its own; a part of that class in a file of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._evaluation_states = None

    def evaluate(self, x, **kwargs):
        """Like Keras's `evaluate`, from the initial states; the states of training stay as they are."""
        data = dataset_of(x)
        initial = self.initial_states(shape_of(data)[0])
        if self._evaluation_states is None or not self._evaluation_states.fit(initial):
            self._evaluation_states = _Variables(initial)
            self.test_function = None  # it has been traced with other variables
        self._evaluation_states.assign(initial)
        return super().evaluate(data, **kwargs)

    def test_step(self, data):
        inputs, targets, *weights = data
        states = self._evaluation_states
        logits, new = self.run_time_major(tf.transpose(inputs), states.values())
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(targets), logits)
        self._loss_mean.update_state(losses, tf.transpose(weights[0]) if weights else None)
        states.assign(new)
        return {"loss": self._loss_mean.result()}


class _Variables:
    """Variables for a list of lists of states."""

    def __init__(self, states):
        self._layers = [[keras.Variable(state, trainable=False) for state in layer] for layer in states]

    def values(self):
        return [[variable.value for variable in layer] for layer in self._layers]

    def fit(self, states):
        """Whether the variables have the shapes of `states`."""
        shapes = [[tuple(state.shape) for state in layer] for layer in states]
        return shapes == [[tuple(variable.shape) for variable in layer] for layer in self._layers]

    def assign(self, states):
        for variables, values in zip(self._layers, states, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
