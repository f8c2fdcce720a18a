"""Products as XLA itself makes them, inside code that it compiles. TensorFlow only.

XLA leaves them to YNNPACK. Of few rows by a float32 matrix it reads that as it lies in memory, a few columns of all
rows at a time; where the rows are a power of two apart, they fall on the same few places of the processor's caches and
drive one another out, so that such rows are made a little longer. A bfloat16 matrix, with which sums stay float32, is
packed for every product, yet that costs so little besides that with a small one it is faster than oneDNN's.

Shapes in letters: N rows, K inner dimension, M columns.
"""

import tensorflow as tf

try:
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_dot_v2
    from tensorflow.compiler.xla.xla_data_pb2 import DotDimensionNumbers
except ImportError:  # they are no part of TensorFlow's public interface
    xla_dot_v2 = DotDimensionNumbers = None

STRIDE = 512  # numbers in a row, or a multiple, that put rows on the same places of caches
_MORE = 16  # numbers by which such a row is made longer: a line of the caches


def product(x, kernel, columns):
    """Return x @ U, to be compiled.

    Args:
        x: (N, K), in the precision.
        kernel: What `pack` returned of U, or `pack_transposed` of its transpose.
        columns: M.

    Returns:
        (N, M), float32 of bfloat16 operands, else in the precision.
    """
    if x.dtype != tf.bfloat16:
        return tf.matmul(x, kernel)[:, :columns]
    numbers = DotDimensionNumbers(lhs_contracting_dimensions=[1], rhs_contracting_dimensions=[0])
    return xla_dot_v2(
        lhs=x,
        rhs=kernel,
        dimension_numbers=numbers.SerializeToString(),
        precision_config=b"",
        preferred_element_type=tf.float32,  # to a result in bfloat16, XLA would come by way of float32 operands
    )


def pack(kernel, precision="bfloat16"):
    """Return U (K, M) in the precision, with more columns, of zeros, where float32 rows would be a `STRIDE` apart."""
    kernel = tf.cast(kernel, precision)
    if kernel.dtype == tf.bfloat16 or kernel.shape[1] % STRIDE:
        return kernel
    return tf.pad(kernel, [(0, 0), (0, _MORE)])


def pack_transposed(kernel, precision="bfloat16"):
    """Return the transpose of U (M, K), packed."""
    return pack(tf.transpose(kernel), precision)
