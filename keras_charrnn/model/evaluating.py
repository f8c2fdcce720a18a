"""What `evaluate` and `predict` of a `CharRNN` do besides Keras's own. TensorFlow only.

Shapes in letters: N rows, B batch, T time, V symbols.
"""

import contextlib

import keras
import tensorflow as tf

from keras_charrnn.engine.as_traced import as_traced
from keras_charrnn.engine.eagerly import eagerly
from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.unseen import Unseen
from keras_charrnn.model.data import dataset_of, ids_of, inputs_of, shape_of, telling, unpack
from keras_charrnn.model.shapes import ROWS, at_least

LEAST = 1e-6  # characters for a symbol: a window may have only bytes that go on with one


class Evaluating:
    """`evaluate` of a `CharRNN`, with states of its own, and `predict`; a part of that class in a file of its own.

    Attributes:
        functions: What was compiled for the model and is kept with it, in the mapping `functions.made`, by any names.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._evaluation_states, self.functions = None, Unseen()
        self._evaluation_mean, self._is_evaluating = Unseen({"loss": keras.metrics.Mean(name="loss")}), False

    def evaluate(self, x, y=None, batch_size=None, verbose="auto", sample_weight=None, **kwargs):
        """Like Keras's `evaluate`, from the initial states; states and metrics of training stay as they are.

        `Windows` and data sets are read as `fit` reads them, each window going on from the one before. The rows of
        arrays are texts of their own. With weights, the loss is the weighted mean.

        Raises:
            SettingsError: If the model is not compiled, or the data are none that `fit` takes.
        """
        self.require_compiled("evaluate")
        symbols = len(self.vocabulary)
        data = dataset_of(x, y, sample_weight, symbols=symbols, batch_size=batch_size, few_shapes=True)
        rows, made = shape_of(data)[0], self.functions.made
        initial = self.initial_states(rows)
        self._evaluation_states = made.get(("states", rows)) or made.setdefault(("states", rows), _Variables(initial))
        self._evaluation_states.assign(initial)
        with self._function_for("test", data), self._evaluating(), telling(symbols), as_traced():
            return super().evaluate(data, verbose=verbose, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Like Keras's `test_on_batch`: `evaluate` on the rows of arrays at once."""
        return self.evaluate(x, y, self._at_once(x), 0, sample_weight, return_dict=return_dict)

    def test_step(self, data):
        inputs, targets, _, weights, independent = unpack(data)
        carried = None if independent else self._evaluation_states
        states = self.initial_states(inputs.shape[0]) if independent else carried.values()
        with eagerly(self.run_eagerly):
            logits, new = self.run_time_major(tf.transpose(inputs), states)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(targets), logits)
        mean = self._evaluation_mean.made["loss"]
        if self.vocabulary.is_of_characters:
            mean.update_state(losses, None if weights is None else tf.transpose(weights))
        else:
            weights = tf.ones_like(targets, losses.dtype) if weights is None else tf.cast(weights, losses.dtype)
            total, per = tf.reduce_sum(weights), self.characters_of(targets, weights)
            symbol = tf.math.divide_no_nan(tf.reduce_sum(losses * tf.transpose(weights)), total)
            mean.update_state(symbol / per, per * total)
        if not independent:
            carried.assign(new)
        return {"loss": mean.result()}

    def characters_of(self, targets, weights=None):
        """Return the characters for which a target stands in the mean, by which losses are per character: a scalar.

        Args:
            targets: Ids (B, T), a tensor.
            weights: Of each; None for 1.
        """
        if self.vocabulary.is_of_characters:
            return 1.0
        lengths = tf.gather(tf.constant(self.vocabulary.lengths, tf.float32), targets)
        if weights is None:
            return tf.maximum(tf.reduce_mean(lengths), LEAST)
        weights = tf.cast(weights, tf.float32)
        return tf.maximum(tf.math.divide_no_nan(tf.reduce_sum(lengths * weights), tf.reduce_sum(weights)), LEAST)

    @property
    def metrics(self):
        """Those of training, but within `evaluate` its own."""
        return [*self._evaluation_mean.made.values()] if self._is_evaluating else self.training_metrics

    def predict(self, x, batch_size=None, **kwargs):
        """Like Keras's `predict`: the logits (N, T, V) of ids (N, T), each row from the initial states.

        What is compiled serves other numbers of rows and lengths too.

        Raises:
            SettingsError: If the ids are none of the model's.
        """
        symbols = len(self.vocabulary)
        data, shape = inputs_of(x, symbols=symbols, batch_size=batch_size)
        with self._function_for("predict", data), telling(symbols):
            logits = super().predict(data, **kwargs)
        return logits if shape is None else logits[: shape[0], : shape[1]]

    def predict_on_batch(self, x):
        """Like Keras's `predict_on_batch`: `predict` on all rows at once."""
        return self.predict(x, self._at_once(x), verbose=0)

    @contextlib.contextmanager
    def _function_for(self, kind, data):
        """Have a function of Keras's that is traced for such data alone; Keras would trace one for no length at all."""
        made, key = self.functions.made, (kind, repr(data.element_spec))
        setattr(self, f"{kind}_function", made.get(key))
        yield
        made[key] = getattr(self, f"{kind}_function")

    @contextlib.contextmanager
    def _evaluating(self):
        """Have Keras reset and read the metric of an evaluation within `with`."""
        self._is_evaluating = True
        try:
            yield
        finally:
            self._is_evaluating = False

    def _at_once(self, x):
        """Return the size of a batch that has all rows of ids."""
        return at_least(len(ids_of(x, "x", len(self.vocabulary))), ROWS)

    def require_compiled(self, method):
        """Raise a SettingsError unless the model has an optimizer."""
        if self.optimizer is None:
            raise SettingsError(f'call compile before {method}, as in model.compile("adam")')


class _Variables:
    """Variables for a list of lists of states."""

    def __init__(self, states):
        self._layers = [[keras.Variable(state, trainable=False) for state in layer] for layer in states]

    def values(self):
        return [[variable.value for variable in layer] for layer in self._layers]

    def assign(self, states):
        for variables, values in zip(self._layers, states, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
