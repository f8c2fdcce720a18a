"""Noise from explicit seeds: the same seed, the same noise, whatever ran before. TensorFlow only.

Shapes in letters: T time, B batch, K width.
"""

import keras
import tensorflow as tf


def new_seed():
    """Return a seed, int32 (2,), another one each time, which follows from that of `keras.utils.set_random_seed`."""
    return keras.random.randint((2,), 0, 2**31 - 1)


def fold_in(seed, number):
    """Return another seed, int32 (2,), for each pair of a seed and a whole number."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def fold_in_each(seed, first, count):
    """Return what `fold_in` makes of a seed and each of `count` numbers from `first` on, int32 (count, 2)."""
    # The first half of what it makes is of the seed alone, the second is the number.
    numbers = first + tf.range(count)
    return tf.stack([tf.fill((count,), fold_in(seed, first)[0]), numbers], 1)


def dropout(x, rate, seed, variational=False):
    """Return `x` with a share `rate` of its entries set to 0 and the others divided by 1 - rate.

    Args:
        x: A float tensor.
        rate: From 0 to below 1.
        seed: int32 (2,).
        variational: Whether a sequence (T, B, K) has one mask (B, K) for all its steps.
    """
    shape = (1, *tf.unstack(tf.shape(x))[1:]) if variational else None
    return tf.nn.experimental.stateless_dropout(x, rate, seed, rng_alg="philox", noise_shape=shape)


def chances(shape, rate, seed):
    """Return a boolean tensor in which a share `rate` is true."""
    return tf.random.stateless_uniform(shape, seed, alg="philox") < rate
