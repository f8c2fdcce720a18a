"""Products with a matrix that is packed once for many of them, inside code that XLA compiles. TensorFlow only.

The bfloat16 instructions of a processor read a matrix in pairs of rows and blocks of columns. oneDNN, which makes
TensorFlow's products, packs its right operand so anew for every product; where the left one has few rows, as in a step
of a recurrent layer, that takes much of the time. And XLA's own product of bfloat16 on a CPU is one of float32. So
XLA is made to call oneDNN, as it does for matrices that are constant, with U packed here, once a window.

XLA's custom call and oneDNN's format are theirs to change. `fits` therefore tries a product of the very size before the
first use, and says no where it fails, or differs by a bit from TensorFlow's own.

Shapes in letters: N rows, K inner dimension, M columns.
"""

import functools
import json

import tensorflow as tf

from keras_charrnn.compute import has_bfloat16

try:
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_custom_call_v2
except ImportError:  # it is no part of TensorFlow's public interface
    xla_custom_call_v2 = None

PRECISION = "bfloat16"
_ROWS, _COLUMNS = 32, 64  # of a block
LEAST = 64  # fewest units for which it pays to compile larger pieces of code
_TARGET = "__onednn$matmul"
_CONFIG = json.dumps({"onednn_matmul_config": {"optimization_config": {"weights_prepacked": True}}})


def product(x, packed, columns):
    """Return x @ U, to be compiled.

    Args:
        x: bfloat16 (N, K).
        packed: What `pack` returned of U, or `pack_transposed` of its transpose.
        columns: M.

    Returns:
        bfloat16 (N, M); the sums are float32.
    """
    return xla_custom_call_v2(
        operands=[x, packed],
        call_target_name=_TARGET,
        backend_config=_CONFIG,
        has_side_effect=False,
        result_dtypes=[x.dtype],
        result_shapes=[(x.shape[0], columns)],
    )[0]


def pack(kernel):
    """Return U (K, M), float32, as bfloat16 in the order (M / 64, K / 2, 64, 2), flat; broken blocks end in zeros."""
    kernel = _whole_blocks(kernel, _ROWS, _COLUMNS)
    rows, columns = kernel.shape
    blocks = tf.reshape(_pairs(kernel), (rows // 2, columns // _COLUMNS, _COLUMNS))
    return _flat(tf.transpose(blocks, (1, 0, 2)))


def pack_transposed(kernel):
    """Return the transpose of U (M, K), float32, packed: pairs of its rows lie side by side in U."""
    kernel = _whole_blocks(kernel, _COLUMNS, _ROWS)
    columns, rows = kernel.shape
    pairs = tf.reshape(tf.cast(kernel, PRECISION), (columns // _COLUMNS, _COLUMNS, rows // 2, 2))
    return _flat(tf.transpose(tf.bitcast(pairs, tf.float32), (0, 2, 1)))


def _whole_blocks(kernel, *sizes):
    missing = [-length % size for length, size in zip(kernel.shape, sizes, strict=True)]
    return tf.pad(kernel, [(0, each) for each in missing]) if any(missing) else kernel


@tf.function(jit_compile=True, autograph=False)
def _pairs(kernel):
    """Return rows (K, M) as int32 (K / 2, M), two numbers in one: faster to move about."""
    bits = tf.bitcast(tf.cast(kernel, PRECISION), tf.uint16)
    bits = tf.cast(tf.reshape(bits, (kernel.shape[0] // 2, 2, kernel.shape[1])), tf.uint32)
    return tf.bitcast(bits[:, 0] + bits[:, 1] * 2**16, tf.int32)


def _flat(pairs):
    return tf.reshape(tf.bitcast(pairs, PRECISION), (-1,))


def fits(rows, units, columns):
    """Whether both products of N rows with a kernel U (units, columns) and with its transpose are to be made packed.

    They are not with few units, and cannot be on a GPU, without bfloat16 instructions, with an unknown number of rows,
    or with a TensorFlow that makes them otherwise.
    """
    if rows is None or units < LEAST or xla_custom_call_v2 is None or not has_bfloat16():
        return False
    return not tf.config.list_logical_devices("GPU") and _is_exact(rows, units, columns)


@functools.cache
def _is_exact(rows, units, columns):
    """Whether both products are TensorFlow's own, bit by bit, of small whole numbers, whose sums have no rounding."""

    def draw(*shape):
        return tf.random.stateless_uniform(shape, shape, -2, 3, tf.int32)

    with tf.init_scope():  # now, and not as a part of a graph that is being made
        kernel = tf.cast(draw(units, columns), tf.float32)
        for packed, plain in ((pack(kernel), kernel), (pack_transposed(kernel), tf.transpose(kernel))):
            x = tf.cast(draw(rows, plain.shape[0]), PRECISION)
            packed = tf.pad(packed, [(0, tf.size(packed))])  # in another order, oneDNN might read beyond the end
            try:
                found = _compiled_product(x, packed, plain.shape[1])
            except tf.errors.OpError:  # this TensorFlow has no such call
                return False
            if not bool(tf.reduce_all(found == tf.matmul(x, tf.cast(plain, PRECISION)))):
                return False
    return True


_compiled_product = tf.function(product, jit_compile=True, autograph=False)
