"""The nearest matrix with orthonormal rows or columns, by products alone. TensorFlow only.

What Muon makes of each update: U V' of the singular value decomposition U S V'. An odd polynomial of a matrix is that
polynomial of its singular values, so that polynomials which bring all of them near 1 do it. Here they are evaluated on
A = X X', which is smaller than X, and X is multiplied once by what comes of it: for a kernel of three gates 15 products
of N x N matrices in place of the 35 of five Newton-Schulz iterations on X itself.

Shapes in letters: N, M the two widths of a matrix, N the smaller.
"""

import tensorflow as tf

# (a, b, c) of a x + b x^3 + c x^5, one polynomial after another: each the nearest to 1 on the interval to which those
# before have brought [0.02, 1], so that it ends within 0.1 of 1 (N. Amsel et al., The Polar Express: optimal matrix
# sign methods and their application to the Muon algorithm, 2025). A fourth would enlarge bfloat16's rounding too much.
POLYNOMIALS = ((7.711, -22.1138, 16.2487), (3.2153, -2.4112, 0.5013), (2.2183, -1.594, 0.4107))


def orthogonalize(x, precision):
    """Return nearly U V' of x = U S V'.

    Args:
        x: (N, M) or (M, N).
        precision: Of the products' operands: one of `products.PRECISIONS`.

    Returns:
        A tensor like x, of singular values near 1; those below a fiftieth of the largest stay smaller, and zeros are 0.
    """

    def product(left, right):
        return tf.cast(tf.matmul(tf.cast(left, precision), tf.cast(right, precision)), x.dtype)

    rows = tf.math.divide_no_nan(x, tf.reduce_max(tf.abs(x)))  # lest its fourth powers, or eighth, leave float32
    rows = tf.transpose(rows) if x.shape[0] > x.shape[1] else rows
    a = product(rows, tf.transpose(rows))
    square = product(a, a)
    # At least the largest singular value of A, and hardly more: the fourth root of the sum of their fourth powers.
    size = tf.sqrt(tf.norm(square))
    a, square = tf.math.divide_no_nan(a, size), tf.math.divide_no_nan(square, size**2)
    one, total, factor = tf.eye(a.shape[0], dtype=x.dtype), None, None
    for linear, cubic, quintic in POLYNOMIALS:
        if total is not None:
            a = product(a, product(factor, factor))
            square = product(a, a)
        factor = linear * one + cubic * a + quintic * square
        total = factor if total is None else product(factor, total)
    result = tf.math.divide_no_nan(product(total, rows), tf.sqrt(size))
    return tf.transpose(result) if x.shape[0] > x.shape[1] else result
