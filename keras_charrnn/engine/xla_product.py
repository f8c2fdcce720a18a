"""Products as XLA itself makes them, inside code that it compiles. TensorFlow only.

XLA's product of float32 numbers is as fast as TensorFlow's own. One of bfloat16 numbers, whose sums stay float32, it
leaves to YNNPACK, which packs the right operand for every product, yet costs so little besides that with a small one it
is faster than oneDNN's.

Shapes in letters: N rows, K inner dimension, M columns.
"""

import tensorflow as tf

try:
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_dot_v2
    from tensorflow.compiler.xla.xla_data_pb2 import DotDimensionNumbers
except ImportError:  # they are no part of TensorFlow's public interface
    xla_dot_v2 = DotDimensionNumbers = None


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
        return tf.matmul(x, kernel)
    numbers = DotDimensionNumbers(lhs_contracting_dimensions=[1], rhs_contracting_dimensions=[0])
    return xla_dot_v2(
        lhs=x,
        rhs=kernel,
        dimension_numbers=numbers.SerializeToString(),
        precision_config=b"",
        preferred_element_type=tf.float32,  # to a result in bfloat16, XLA would come by way of float32 operands
    )


def pack(kernel, precision="bfloat16"):
    """Return U (K, M) in the precision."""
    return tf.cast(kernel, precision)


def pack_transposed(kernel, precision="bfloat16"):
    """Return the transpose of U (M, K) in the precision."""
    return tf.transpose(tf.cast(kernel, precision))
