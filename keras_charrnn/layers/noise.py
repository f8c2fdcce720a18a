"""Noise from explicit seeds: the same seed, the same noise, whatever ran before. TensorFlow only."""

import tensorflow as tf


def fold_in(seed, number):
    """Return another seed, int32 (2,), for each pair of a seed and a whole number."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def dropout(x, rate, seed):
    """Return `x` with a share `rate` of its entries set to 0 and the others divided by 1 - rate.

    Args:
        x: A float tensor.
        rate: From 0 to below 1.
        seed: int32 (2,).
    """
    return tf.nn.experimental.stateless_dropout(x, rate, seed, rng_alg="philox")
