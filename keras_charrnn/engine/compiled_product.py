"""Whether and how the product of a step can be made inside code that XLA compiles. TensorFlow only.

Of float32 numbers it can, with XLA's own product (`xla_product`, `transposed_product`), and on a GPU of both kinds.
What there is for bfloat16 on a processor, in `xla_product` and `onednn_product`, is not TensorFlow's public interface,
but XLA's to change. `is_usable` therefore tries a product of the very size before the first use, and says no where it
fails, or is not TensorFlow's own.
"""

import functools

import tensorflow as tf

from keras_charrnn.engine import onednn_product, transposed_product, xla_product
from keras_charrnn.engine.compute import has_avx2_alone, has_bfloat16
from keras_charrnn.engine.onednn_product import PRECISION

PACKED = 2**17  # numbers in U from which on packing it once a window pays
TRANSPOSED = 2**20  # numbers in U, in float32, from which on it is the left operand where that is measured: with AVX2


def choose(units, columns, precision):
    """Return the module that makes the products with a kernel U (units, columns) and with its transpose."""
    numbers = units * columns
    if has_gpu():
        return xla_product
    if precision == PRECISION and numbers >= PACKED:
        return onednn_product
    if precision == "float32" and numbers >= TRANSPOSED and has_avx2_alone():
        return transposed_product
    return xla_product


def type_of(units, columns, precision):
    """Return the type of the products: float32 of sums of bfloat16 products that XLA makes, else the precision."""
    return "float32" if precision == PRECISION and choose(units, columns, precision) is xla_product else precision


def has_gpu():
    """Whether TensorFlow uses a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def is_usable(rows, units, columns, precision):
    """Whether both products of that many rows are to be made inside.

    They cannot be with an unknown number of rows, or, in bfloat16 on a processor, without instructions for it or with a
    TensorFlow that makes them otherwise. On a GPU XLA has them made by cuBLAS.
    """
    if rows is None:
        return False
    if precision != PRECISION or has_gpu():
        return True
    return has_bfloat16() and _is_exact(choose(units, columns, precision), rows, units, columns)


@functools.cache
def _is_exact(kind, rows, units, columns):
    """Whether both products are TensorFlow's own, bit by bit, of small whole numbers, whose sums have no rounding."""

    def draw(*shape):
        return tf.random.stateless_uniform(shape, shape, -2, 3, tf.int32)

    product = tf.function(kind.product, jit_compile=True, autograph=False)
    with tf.init_scope():  # now, and not as a part of a graph that is being made
        kernel = tf.cast(draw(units, columns), tf.float32)
        packed = kind.pack(kernel, PRECISION), kind.pack_transposed(kernel, PRECISION)
        for operand, plain in zip(packed, (kernel, tf.transpose(kernel)), strict=True):
            x = tf.cast(draw(rows, plain.shape[0]), PRECISION)
            if kind is onednn_product:  # in another order, oneDNN might read beyond the end
                operand = tf.pad(operand, [(0, tf.size(operand))])
            try:
                found = product(x, operand, plain.shape[1])
            except (TypeError, tf.errors.OpError):  # this TensorFlow has no such operation, or no such call
                return False
            if not bool(tf.reduce_all(tf.cast(found, PRECISION) == tf.matmul(x, tf.cast(plain, PRECISION)))):
                return False
    return True
