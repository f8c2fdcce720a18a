"""What a window feeds to a cell, as input products: of rows of numbers, of symbols, or ready. TensorFlow only.

A source has `inputs`, what it is made of; `weights`, the tensors that the products need; `product`, which makes them;
`gradient`, which goes back from them, and `sum_rows`, the sum of what it goes back from. `products` is the first two at
once, for TensorFlow's own differentiation.

Shapes in letters: T time, B batch, D width of the input, H units, G gates, V symbols.
"""

import tensorflow as tf

from keras_charrnn.engine.products import backward_product


class DenseInputs:
    """The inputs of a window as rows of numbers: zx = x W, or x W + b.

    Args:
        x: (T, B, D), float32 or in `precision`.
        kernel: W, float32 (D, G*H).
        precision: Of the operands.
        bias: b, float32 (G*H,), or None.
    """

    def __init__(self, x, kernel, precision, bias=None):
        self.inputs = x
        self.weights = tuple(map(tf.convert_to_tensor, (kernel,) if bias is None else (kernel, bias)))
        self._precision = precision

    def product(self, x, kernel, bias=None):
        """Return zx (T, B, G*H), and what `gradient` needs."""
        time, batch, width = x.shape[0], tf.shape(x)[1], x.shape[2]
        rows = tf.reshape(tf.cast(x, self._precision), (-1, width))
        kernel = tf.cast(kernel, self._precision)
        zx = tf.matmul(rows, kernel)
        if bias is not None:
            zx = tf.nn.bias_add(zx, tf.cast(bias, self._precision))
        return tf.reshape(zx, (time, batch, kernel.shape[1])), (rows, kernel, tf.shape(x))

    def gradient(self, memory, dz):
        """Return the gradients of x, W and b from that of zx, (T*B, G*H)."""
        rows, kernel, shape = memory
        d_kernel = tf.cast(backward_product(rows, dz, transpose_x=True), self.weights[0].dtype)
        d_x = tf.reshape(backward_product(dz, kernel, transpose_y=True), shape)
        gradients = tf.cast(d_x, self.inputs.dtype), d_kernel
        if len(self.weights) == 1:
            return gradients
        return *gradients, sum_rows(dz, self.weights[1].dtype)

    def sum_rows(self, dz, d_kernel):
        """Return the sum of the rows of dz."""
        return sum_rows(dz, d_kernel.dtype)


class SymbolInputs:
    """The inputs of a window as symbols: zx is a look-up in a table of one input product for each.

    Args:
        ids: int32 (T, B).
        table: float32 (V, G*H).
        precision: Of zx.
    """

    def __init__(self, ids, table, precision):
        self.inputs, self.weights = ids, (tf.convert_to_tensor(table),)
        self._precision = precision

    def product(self, ids, table):
        """Return zx (T, B, G*H), and what `gradient` needs."""
        return tf.gather(tf.cast(table, self._precision), ids), (ids, table.shape[0])

    def gradient(self, memory, dz):
        """Return the gradient of the table from that of zx, (T*B, G*H): a product with one-hot rows."""
        ids, symbols = memory
        # Far faster than tf.one_hot.
        one_hot = tf.gather(tf.eye(symbols, dtype=dz.dtype), tf.reshape(ids, (-1,)))
        return None, tf.cast(backward_product(one_hot, dz, transpose_x=True), self.weights[0].dtype)

    def sum_rows(self, dz, d_table):
        """Return the sum of the rows of dz, by way of the sums that are there of each symbol's."""
        return tf.reduce_sum(d_table, 0)


class ReadyInputs:
    """Input products that are there already.

    Args:
        zx: (T, B, G*H), in the precision.
        dtype: Of the weights.
    """

    weights = ()

    def __init__(self, zx, dtype):
        self.inputs, self._dtype = zx, dtype

    def product(self, zx):
        """Return zx, and what `gradient` needs."""
        return zx, tf.shape(zx)

    def gradient(self, shape, dz):
        """Return the gradient of zx, (T, B, G*H), from the same as (T*B, G*H)."""
        return (tf.reshape(dz, shape),)

    def sum_rows(self, dz):
        """Return the sum of the rows of dz."""
        return sum_rows(dz, self._dtype)


def sum_rows(dz, dtype):
    """Return the sum of the rows of dz (N, K), as a product, which is faster."""
    return tf.cast(tf.matmul(tf.ones((1, tf.shape(dz)[0]), dz.dtype), dz)[0], dtype)


def products(source):
    """Return zx of a source, (T, B, G*H), differentiable by its inputs and weights."""

    @tf.custom_gradient
    def run(inputs, *weights):
        zx, memory = source.product(inputs, *weights)
        return zx, lambda d_zx: source.gradient(memory, tf.reshape(d_zx, (-1, d_zx.shape[-1])))

    return run(source.inputs, *source.weights)
