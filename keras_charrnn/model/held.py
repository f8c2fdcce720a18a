"""Weights that stay as they are for a part of a training."""

import contextlib

import keras
import tensorflow as tf


class Held:
    """Weights that do not change in training as long as `active` is 1, whatever the optimizer does.

    Attributes:
        weights: Of the model, some of its trainable ones and its tables of n-grams; () for none.
        active: A variable, 1 or 0.
    """

    def __init__(self):
        self.weights, self.active = (), keras.Variable(0.0, trainable=False, name="held")

    def spare(self, gradients, weights):
        """Return the gradients of some weights: 0 of those that are held, for all that looks at them."""
        return [self.scaled(gradient, weight) for gradient, weight in zip(gradients, weights, strict=True)]

    def scaled(self, value, weight):
        """Return a value that is 0 while a weight is held, such as its gradient or its learning rate."""
        return value * (1 - self.active.value) if self._has(weight) else value

    @contextlib.contextmanager
    def keep(self, optimizer, weights):
        """Within `with`, let an optimizer change its weights; those that are held are as before afterwards.

        Weight decay would change them, and momentum of the time before. The moving average that an optimizer may have
        of one is what it was all the time.
        """
        averages = optimizer._model_variables_moving_average if getattr(optimizer, "use_ema", False) else ()
        before = [(weight, tf.identity(weight.value)) for weight in weights if self._has(weight)]
        yield
        for weight, value in before:
            weight.assign(tf.where(self.active.value > 0, value, weight.value))
        for weight, average in zip(weights, averages, strict=False):
            if self._has(weight):
                average.assign(tf.where(self.active.value > 0, weight.value, average.value))

    def _has(self, weight):
        return any(each is weight for each in self.weights)
