"""Matrix products in a chosen precision, and the look-up that stands for a product with one-hot rows. TensorFlow only.

Shapes in letters: N rows, D inputs, K outputs, V symbols.
"""

import tensorflow as tf

PRECISIONS = ("float32", "bfloat16")


def product(a, b, precision, **transpose):
    """Return the matrix product of float32 tensors: operands in `precision`, sums and result in float32."""
    if precision == "float32":
        return tf.matmul(a, b, **transpose)
    return tf.cast(tf.matmul(tf.cast(a, precision), tf.cast(b, precision), **transpose), tf.float32)


def project(x, kernel, bias, precision):
    """Return `x @ kernel + bias`, float32 (N, K), whose gradient is made of products in the same precision.

    Args:
        x: float32 (N, D).
        kernel: float32 (D, K).
        bias: float32 (K,).
        precision: Of the operands: "float32" or "bfloat16".
    """

    @tf.custom_gradient
    def run(x, kernel, bias):
        def gradient(dy):
            d_x = product(dy, kernel, precision, transpose_b=True)
            d_kernel = product(x, dy, precision, transpose_a=True)
            return d_x, d_kernel, tf.reduce_sum(dy, 0)

        return tf.nn.bias_add(product(x, kernel, precision), bias), gradient

    return run(*map(tf.convert_to_tensor, (x, kernel, bias)))


def look_up(table, ids):
    """Return `table[ids]`, with the gradient as one dense sum per symbol, whatever the number of rows.

    Args:
        table: float32 (V, K).
        ids: int32, of any shape.

    Returns:
        float32, the shape of `ids` and K.
    """

    @tf.custom_gradient
    def run(table):
        def gradient(dy):
            rows = tf.reshape(dy, (-1, table.shape[-1]))
            return tf.math.unsorted_segment_sum(rows, tf.reshape(ids, (-1,)), table.shape[0])

        return tf.gather(table, ids), gradient

    return run(tf.convert_to_tensor(table))
