"""Products with both operands transposed, x U as (U' x')', inside code that XLA compiles. TensorFlow only.

A product of few rows reads the right operand a few columns of all its rows at a time, and the left one along its rows,
from the first number to the last. Where U is larger than a core's own caches, it is read as the left one far faster,
by more than turning the other matrices costs. The functions are those of `xla_product`, for float32 on a processor.

Shapes in letters: N rows, K inner dimension, M columns.
"""

import tensorflow as tf


def product(x, packed, columns):
    """Return x @ U, to be compiled.

    Args:
        x: (N, K).
        packed: What `pack` returned of U, or `pack_transposed` of its transpose.
        columns: M.

    Returns:
        (N, M).
    """
    return tf.transpose(tf.matmul(packed, x, transpose_b=True))


def pack(kernel, precision):
    """Return U (K, M) in the precision, transposed."""
    return tf.transpose(tf.cast(kernel, precision))


def pack_transposed(kernel, precision):
    """Return the transpose of U (M, K) in the precision, transposed: U."""
    return tf.cast(kernel, precision)
