"""The loss of training and what it costs to go back from it. TensorFlow only.

Shapes in letters: N characters, H units, V symbols.
"""

import tensorflow as tf

from keras_charrnn.engine.compiled import compiled
from keras_charrnn.engine.compiled_product import has_gpu
from keras_charrnn.engine.input_products import sum_rows
from keras_charrnn.engine.products import rounded
from keras_charrnn.engine.rows import row_max


def mean_cross_entropy(hidden, kernel, bias, targets, precision, smoothing=0.0, weights=None, taught=None, share=0.0):
    """Return the mean cross-entropy, in nats, of targets under softmax(hidden @ kernel + bias).

    The gradient of the logits is known with the loss, so that one compiled pass over them makes both.

    Args:
        hidden: (N, H), float32 or in the precision.
        kernel: float32 (H, V).
        bias: float32 (V,).
        targets: int32 (N,).
        precision: Of the products' operands.
        smoothing: Share of each target's probability that is spread over all symbols alike.
        weights: float32 (N,) of the targets in the mean, themselves 1 on average; None for 1.
        taught: Probabilities (N, V) of every symbol, of any type of number; None for none.
        share: Of `taught` in the probabilities that are learned; the rest is of the targets.

    Returns:
        The loss, and that of the targets themselves, which has no gradient.
    """

    @tf.custom_gradient
    def run(hidden, kernel, bias):
        operand, compute_kernel = tf.cast(hidden, precision), tf.cast(kernel, precision)
        logits = tf.matmul(operand, compute_kernel)
        loss, nats, d_logits, d_bias = _loss_and_gradient(logits, bias, targets, smoothing, weights, taught, share)

        def gradient(d_loss, _):
            d_hidden = tf.matmul(d_logits, compute_kernel, transpose_b=True)
            d_kernel = tf.cast(tf.matmul(operand, d_logits, transpose_a=True), kernel.dtype)
            return tf.cast(d_loss, hidden.dtype) * tf.cast(d_hidden, hidden.dtype), d_loss * d_kernel, d_loss * d_bias

        return (loss, nats), gradient

    return run(*map(tf.convert_to_tensor, (hidden, kernel, bias)))


@compiled
def _loss_and_gradient(logits, bias, targets, smoothing, weights, taught, share):
    """Return the mean loss, the targets' own, the gradient of the logits in their type, and that of the bias."""
    logits, dtype = tf.cast(logits, bias.dtype) + bias, logits.dtype
    logits -= row_max(logits)
    powers, symbols = tf.exp(logits), logits.shape[1]
    total, count = _row_sum(powers), tf.cast(tf.shape(logits)[0], bias.dtype)
    wanted = tf.one_hot(targets, symbols, dtype=bias.dtype)
    learned = wanted * (1 - smoothing) + smoothing / symbols if smoothing else wanted
    if taught is not None:
        taught = tf.cast(taught, bias.dtype)
        learned = learned * (1 - share) + taught / _row_sum(taught) * share
    d_logits = (powers / total - learned) / count
    log_total = tf.math.log(total)
    each = log_total - _row_sum(logits * wanted)
    each_learned = each if learned is wanted else log_total - _row_sum(logits * learned)
    if weights is not None:
        weights = tf.cast(weights, bias.dtype)[:, None]
        d_logits, each, each_learned = d_logits * weights, each * weights, each_learned * weights
    nats = _column_sum(each)[0] / count
    loss = nats if learned is wanted else _column_sum(each_learned)[0] / count
    return loss, nats, rounded(d_logits, dtype), _column_sum(d_logits)


# Sums as products: XLA makes of a sum on a processor passes over windows of 32 numbers, and of each so much code that
# to compile it took longer than what compiles a step of the loop over time. On a GPU products might round.


def _row_sum(x):
    """Return the sum of each row of x (N, V), as (N, 1)."""
    if has_gpu():
        return tf.reduce_sum(x, 1, keepdims=True)
    return tf.matmul(x, tf.ones((x.shape[1], 1), x.dtype))


def _column_sum(x):
    """Return the sum of each column of x (N, V), as (V,)."""
    return tf.reduce_sum(x, 0) if has_gpu() else sum_rows(x, x.dtype)
