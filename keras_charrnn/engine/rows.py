"""Means and maxima of rows, for code that XLA compiles. TensorFlow only.

XLA adds up the last axis of a row number by number, each after the one before it, since another order would round
otherwise. Here a row is added up in lanes that lie side by side, for the processor's vectors.

Shapes in letters: N rows, H their width.
"""

import functools

import tensorflow as tf

LANES = 32  # sums of a row side by side: of float32, two of the widest vectors or more
ADDENDS = 32  # of a lane; a wider row has more lanes


def row_mean(x):
    """Return the mean of each row of x (N, H), as (N, 1)."""
    return _in_lanes(x, tf.add_n, tf.reduce_sum) / x.shape[-1]


def row_max(x):
    """Return the largest number of each row of x (N, H), as (N, 1)."""
    return _in_lanes(x, lambda parts: functools.reduce(tf.maximum, parts), tf.reduce_max)


def _in_lanes(x, side_by_side, along):
    """Return what `along` makes of each row, where the lanes have been brought to one, `side_by_side`, before."""
    width, found = x.shape[-1], []
    lanes = LANES * -(-width // (LANES * ADDENDS))
    whole = width - width % lanes
    if whole > lanes:
        found.append(side_by_side(tf.split(x[..., :whole], whole // lanes, axis=-1)))
        x = x[..., whole:]
    if x.shape[-1]:
        found.append(x)
    found = [along(each, -1, keepdims=True) for each in found]
    return found[0] if len(found) == 1 else side_by_side(found)
