"""Normalisation of rows, for code that XLA compiles. TensorFlow only.

The gradients are written out: two sums a row, where those that follow from the operations have more, each of them
several passes.

Shapes in letters: N rows, H their width.
"""

import tensorflow as tf

from keras_charrnn.engine.rows import row_mean


def rms_norm(x, epsilon):
    """Return x / sqrt(mean(x^2) + epsilon) of each row of x (N, H).

    Source: B. Zhang and R. Sennrich, Root mean square layer normalization, 2019.
    """

    @tf.custom_gradient
    def run(x):
        y, scale = _scaled(x, epsilon)
        return y, lambda dy: scale * (dy - y * row_mean(dy * y))

    return run(x)


def layer_norm(x, epsilon):
    """Return (x - mean(x)) / sqrt(variance(x) + epsilon) of each row of x (N, H).

    Source: J. L. Ba et al., Layer normalization, 2016.
    """

    @tf.custom_gradient
    def run(x):
        y, scale = _scaled(x - row_mean(x), epsilon)
        return y, lambda dy: scale * (dy - row_mean(dy) - y * row_mean(dy * y))

    return run(x)


def _scaled(x, epsilon):
    scale = tf.math.rsqrt(row_mean(tf.square(x)) + epsilon)
    return x * scale, scale
