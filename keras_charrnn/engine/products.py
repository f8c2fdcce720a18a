"""Matrix products in a chosen precision. TensorFlow only.

Shapes in letters: N rows, D inputs, K outputs.
"""

import tensorflow as tf

from keras_charrnn.engine.compiled_product import has_gpu

PRECISIONS = ("float32", "bfloat16", "float64")
STRIDE = 2048  # float32 numbers in a row, or a multiple, that make oneDNN's product slow on a processor with AVX2


def project(x, kernel, bias, precision):
    """Return `x @ kernel + bias`, whose gradient is made of products in the same precision.

    Args:
        x: (N, D), float32 or in the precision.
        kernel: float32 (D, K).
        bias: float32 (K,).
        precision: Of the operands: one of `PRECISIONS`. Sums are in the type of the weights.

    Returns:
        float32 (N, K).
    """

    @tf.custom_gradient
    def run(x, kernel, bias):
        operand, compute_kernel = tf.cast(x, precision), tf.cast(kernel, precision)

        def gradient(dy):
            compute_dy = tf.cast(dy, precision)
            d_x = tf.matmul(compute_dy, compute_kernel, transpose_b=True)
            d_kernel = tf.matmul(operand, compute_dy, transpose_a=True)
            return tf.cast(d_x, x.dtype), tf.cast(d_kernel, kernel.dtype), tf.reduce_sum(dy, 0)

        return tf.nn.bias_add(tf.cast(tf.matmul(operand, compute_kernel), bias.dtype), bias), gradient

    return run(*map(tf.convert_to_tensor, (x, kernel, bias)))


def backward_product(x, y, transpose_x=False, transpose_y=False):
    """Return the product of two matrices, either transposed, as going backward through a window needs it.

    With rows of a multiple of `STRIDE` float32 numbers, as an LSTM of 512 units has them, XLA makes it and not oneDNN:
    numbers below one another are then in the same few places of a processor's cache.
    """
    wide = any(each.shape[1] and each.shape[1] % STRIDE == 0 for each in (x, y))
    if not wide or x.dtype != tf.float32 or None in (x.shape[0], y.shape[0]) or has_gpu():
        return tf.matmul(x, y, transpose_a=transpose_x, transpose_b=transpose_y)
    # Transposed by itself: within the product XLA would have it done by slower code.
    return _xla_product(_transposed(x) if transpose_x else x, _transposed(y) if transpose_y else y)


@tf.function(jit_compile=True, autograph=False)
def _transposed(x):
    return tf.transpose(x)


@tf.function(jit_compile=True, autograph=False)
def _xla_product(x, y):
    return tf.matmul(x, y)


def rounded(x, precision):
    """Return what `tf.cast` does of a float32 tensor, for code that XLA compiles; without a gradient.

    To the last bit, but that each NaN becomes the same. XLA's own rounding to bfloat16 keeps a CPU from making the loop
    around it with its widest vectors, and so can take as long as all else that a step computes.
    """
    if precision != "bfloat16" or x.dtype != tf.float32:
        return tf.cast(x, precision)
    bits = tf.bitcast(x, tf.uint32)
    half = 0x7FFF + (tf.bitwise.right_shift(bits, 16) & 1)  # a tie goes to the even number
    upper = tf.where(x == x, tf.bitwise.right_shift(bits + half, 16), 0x7FC0)
    return tf.bitcast(tf.cast(upper, tf.uint16), tf.bfloat16)
