"""The nearest matrices with orthonormal rows, by products alone. TensorFlow only.

What Muon makes of each update: U V' of the singular value decomposition U S V'. An odd polynomial of a matrix is that
polynomial of its singular values, so that polynomials which bring all of them near 1 do it. Here they are evaluated on
A = X X', which is smaller than X, and X is multiplied once by what comes of it.

Shapes in letters: N, M the two widths of a matrix, N the smaller; K blocks of R rows.
"""

import functools

import tensorflow as tf

# Rows that are made orthogonal to one another. Of more, the products grow with the square of their number, by far more
# than a step then learns.
ROWS = 64
# (a, b, c) of a x + b x^3 + c x^5, one polynomial after another: each the nearest to 1 on the interval to which those
# before have brought [0.02, 1], so that it ends within 0.1 of 1 (N. Amsel et al., The Polar Express: optimal matrix
# sign methods and their application to the Muon algorithm, 2025). A fourth would enlarge bfloat16's rounding too much.
POLYNOMIALS = ((7.711, -22.1138, 16.2487), (3.2153, -2.4112, 0.5013), (2.2183, -1.594, 0.4107))


def orthogonalize(x, precision):
    """Return nearly U V' of each block X = U S V' of rows of a matrix.

    Args:
        x: (N, M) or (M, N); of the latter the blocks are of columns.
        precision: Of the products' operands: one of `products.PRECISIONS`.

    Returns:
        A tensor like x, whose blocks have singular values near 1; those below a fiftieth of a block's largest stay
        smaller, and zeros are zeros.
    """
    tall = x.shape[0] > x.shape[1]
    rows = _blocks(tf.transpose(x) if tall else x)
    result = _orthogonalized(precision, x.dtype)(rows)
    result = tf.reshape(result, (-1, result.shape[-1]))[: min(x.shape)]
    return tf.transpose(result) if tall else result


@functools.cache
def _orthogonalized(precision, dtype):
    """Return the function that `orthogonalize` calls for blocks (K, R, M), traced once for those of all matrices."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None), dtype)], autograph=False)
    def orthogonalized(rows):
        def product(left, right):
            return tf.cast(tf.matmul(tf.cast(left, precision), tf.cast(right, precision)), dtype)

        rows = tf.math.divide_no_nan(rows, _of_each(tf.reduce_max, tf.abs(rows)))  # lest fourth powers leave float32
        a = product(rows, tf.linalg.matrix_transpose(rows))
        square = product(a, a)
        # At least the largest singular value of A, and hardly more: the fourth root of the sum of their fourth powers.
        size = tf.sqrt(tf.sqrt(_of_each(tf.reduce_sum, square**2)))
        a, square = tf.math.divide_no_nan(a, size), tf.math.divide_no_nan(square, size**2)
        one, total, factor = tf.eye(tf.shape(a)[-1], dtype=dtype), None, None
        for linear, cubic, quintic in POLYNOMIALS:
            if total is not None:
                a = product(a, product(factor, factor))
                square = product(a, a)
            factor = linear * one + cubic * a + quintic * square
            total = factor if total is None else product(factor, total)
        return tf.math.divide_no_nan(product(total, rows), tf.sqrt(size))

    return orthogonalized


def _blocks(x):
    """Return a matrix (N, M) as blocks (K, R, M) of as many rows as are nearly alike; rows of zeros end the last."""
    count = -(-x.shape[0] // ROWS)
    size = -(-x.shape[0] // count)
    return tf.reshape(tf.pad(x, [(0, count * size - x.shape[0]), (0, 0)]), (count, size, x.shape[1]))


def _of_each(reduce, blocks):
    """Return a function of each block, (K, 1, 1)."""
    return reduce(blocks, axis=(1, 2), keepdims=True)
