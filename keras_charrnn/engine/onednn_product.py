"""Products with a matrix that is packed once for many of them, inside code that XLA compiles. TensorFlow only.

The bfloat16 instructions of a processor read a matrix in pairs of rows and blocks of columns. What makes the products
packs its right operand so anew for every one; where the left one has few rows, as in a step of a recurrent layer, and
the right one is large, that takes much of the time. So XLA is made to call oneDNN, as it does for matrices that are
constant, with U packed here, once a window. The functions are those of `xla_product`, for bfloat16 alone.

Shapes in letters: N rows, K inner dimension, M columns.
"""

import json

import tensorflow as tf

try:
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_custom_call_v2
except ImportError:  # it is no part of TensorFlow's public interface
    xla_custom_call_v2 = None

PRECISION = "bfloat16"
_ROWS, _COLUMNS = 32, 64  # of a block
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


def pack(kernel, precision=PRECISION):
    """Return U (K, M), float32, as bfloat16 in the order (M / 64, K / 2, 64, 2), flat; broken blocks end in zeros."""
    kernel = _whole_blocks(kernel, _ROWS, _COLUMNS)
    rows, columns = kernel.shape
    blocks = tf.reshape(_pairs(kernel), (rows // 2, columns // _COLUMNS, _COLUMNS))
    return _flat(tf.transpose(blocks, (1, 0, 2)))


def pack_transposed(kernel, precision=PRECISION):
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
