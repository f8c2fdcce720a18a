"""Which way a recurrent layer takes on a GPU: cuDNN's kernels, or the loop step by step.

Shapes in letters: T time, B batch, D inputs, H units.
"""

from keras import ops

from keras_charrnn.cells import GatedCell
from keras_charrnn.engine import cudnn
from keras_charrnn.layers.symbols import Symbols


def reason_against(cell, marks=None, inside_xla=False):
    """Return in words why cuDNN's kernels cannot run a cell here, "" if they can.

    Args:
        cell: Of a layer.
        marks: Steps before which rows start anew; None for none.
        inside_xla: Whether the layer is a part of code that XLA compiles.
    """
    if not cudnn.has_gpu():
        return "there is no GPU"
    if not isinstance(cell, GatedCell) or cell.fused is None:
        return f"cuDNN has no cell {getattr(cell, 'name', cell)}, or not with these activations"
    if marks is not None:
        return "rows start anew within a window"
    if inside_xla:
        return "XLA compiles the whole"
    if ops.dtype(cell.kernel) != "float32":
        return "the weights are not float32"
    return ""


def run_fused(cell, inputs, states, width):
    """Run a cell over time-major inputs by cuDNN's kernels, as `Recurrent.run` does, in float32.

    A GPU that has TF32 multiplies in that. In bfloat16 the kernels' gradient is not a number in TensorFlow 2.21.

    Args:
        cell: One that nothing speaks against.
        inputs: (T, B, D), or `Symbols`.
        states: List of tensors (B, H).
        width: D.
    """
    if isinstance(inputs, Symbols):
        inputs = inputs.rows(width)
    # A cast makes a tensor of a variable within a training step too, where Keras's conversion leaves it as it is.
    weights = (ops.cast(each, "float32") for each in (cell.kernel, cell.recurrent_kernel, cell.bias))
    return cudnn.run(cell.fused, ops.cast(inputs, "float32"), list(states), *weights)


def describe_ways(model, restarts):
    """Return a sentence on the way of a model's layers, for a machine with a GPU.

    Args:
        model: A `CharRNN`.
        restarts: Whether rows start anew within a window.
    """
    cell = model.recurrent[0].cell
    reason = reason_against(cell, marks=True if restarts else None)
    if not reason:
        return f"cuDNN's kernels run the {cell.fused.replace('rnn_', 'simple_rnn, ')} layers, a window at a time"
    return f"the layers run in a loop that XLA compiles, and not by cuDNN's kernels: {reason}"
