"""Draws from the likeliest symbols of a probability."""

import math
import numbers

import tensorflow as tf

from keras_charrnn.model.sampling.base import Sampler, register_sampler, require
from keras_charrnn.model.sampling.temperature import LEAST


@register_sampler("top_p")
class TopP(Sampler):
    """Keeps the fewest, likeliest symbols whose probabilities sum to p or more (nucleus sampling, Holtzman 2020)."""

    def __init__(self, value):
        require("top_p", "above 0 and at most 1", value, isinstance(value, numbers.Real) and 0 < value <= 1)
        self._value = max(float(value), LEAST)

    key = property(lambda self: type(self))
    numbers = property(lambda self: (self._value,))

    def apply(self, logits, numbers, state):
        descending = tf.sort(logits, -1, "DESCENDING")
        before = tf.cumsum(tf.nn.softmax(descending), -1, exclusive=True)
        smallest = tf.reduce_min(tf.where(before < numbers[0], descending, math.inf), -1, keepdims=True)
        return tf.where(logits < smallest, -math.inf, logits)
