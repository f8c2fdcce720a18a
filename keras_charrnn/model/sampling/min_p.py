"""Draws from the symbols that are not far less likely than the likeliest."""

import math
import numbers

import tensorflow as tf

from keras_charrnn.model.sampling.base import Sampler, register_sampler, require


@register_sampler("min_p")
class MinP(Sampler):
    """Keeps the symbols of at least p times the probability of the likeliest (Nguyen 2024): few where that is sure."""

    def __init__(self, value):
        require("min_p", "from 0 to 1", value, isinstance(value, numbers.Real) and 0 <= value <= 1)
        self._value = math.log(value) if value else -math.inf

    key = property(lambda self: type(self))
    numbers = property(lambda self: (self._value,))

    def apply(self, logits, numbers, state):
        return tf.where(logits - tf.reduce_max(logits, -1, keepdims=True) < numbers[0], -math.inf, logits)
