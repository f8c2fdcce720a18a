"""Draws from the k likeliest symbols."""

import math

import tensorflow as tf

from keras_charrnn.model.sampling.base import Sampler, is_whole, register_sampler, require


@register_sampler("top_k")
class TopK(Sampler):
    """Keeps the k likeliest symbols, and any as likely as the last of them."""

    def __init__(self, value):
        require("top_k", "a whole number of 1 or more", value, is_whole(value, 1))
        self._value = int(value)

    key = property(lambda self: type(self))
    numbers = property(lambda self: (self._value,))

    def apply(self, logits, numbers, state):
        descending = tf.sort(logits, -1, "DESCENDING")
        smallest = tf.gather(descending, tf.minimum(numbers[0], logits.shape[-1]) - 1, axis=-1)[:, None]
        return tf.where(logits < smallest, -math.inf, logits)
