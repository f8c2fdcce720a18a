"""Draws that are surer, or wilder, than the model."""

import math
import numbers

import numpy as np
import tensorflow as tf

from keras_charrnn.model.sampling.base import LEAST_LOGIT, Sampler, register_sampler, require

LEAST, MOST = (float(getattr(np.finfo(np.float32), each)) for each in ("tiny", "max"))  # less may count as 0


@register_sampler("temperature")
class Temperature(Sampler):
    """Divides the logits.

    Args:
        value: 0 takes the likeliest symbol, 1 draws from the model's own distribution, more draws more evenly.
    """

    def __init__(self, value=0.8):
        require(
            "temperature", "a number of 0 or more", value, isinstance(value, numbers.Real) and 0 <= value < math.inf
        )
        self.greedy = value < LEAST
        self._value = 1.0 if self.greedy else float(min(value, MOST))

    key = property(lambda self: type(self))
    numbers = property(lambda self: (self._value,))

    def apply(self, logits, numbers, state):
        return scale(logits, *numbers)


def scale(logits, temperature):
    """Return logits / temperature, shifted so that the largest is 0: finite for any temperature above 0."""
    return tf.maximum((logits - tf.reduce_max(logits, -1, keepdims=True)) / temperature, LEAST_LOGIT)
