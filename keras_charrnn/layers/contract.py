"""The border between Keras's contract of a cell, whose states are any structure, and this package's lists of tensors.

What `keras.layers.RNN` takes is the rule.

Shapes in letters: B batch, D width of the input.
"""

import functools
import inspect

import keras
from keras import ops

from keras_charrnn.cells import GatedCell
from keras_charrnn.errors import CellError, describe
from keras_charrnn.plugins import where_defined, where_raised


def require_cell(cell):
    """Return a cell that can be run over time; a list of cells as one, each upon the one before.

    Raises:
        CellError: If it is no such cell.
    """
    if isinstance(cell, list | tuple):
        return keras.layers.StackedRNNCells([require_cell(each) for each in cell])
    if not isinstance(cell, keras.layers.Layer) or not hasattr(cell, "state_size"):
        raise CellError(f"Recurrent takes a cell such as keras_charrnn.cells.GRU(128); received {cell!r}")
    if not isinstance(cell.state_size, int | list | tuple):
        raise CellError(
            f"{type(cell).__name__}.state_size must be a whole number, or a list of one for each state; "
            f"received {cell.state_size!r}"
        )
    return cell


def has_recurrent_kernel(cell):
    """Whether a cell has a recurrent product with a weight `recurrent_kernel`."""
    return cell.recurrent_product if isinstance(cell, GatedCell) else hasattr(cell, "recurrent_kernel")


def initial_states(cell, batch_size):
    """Return a cell's states before the first step, a list in the cell's own structure; zeros if it says nothing."""
    if not hasattr(cell, "get_initial_state"):
        sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
        return keras.tree.map_structure(lambda size: ops.zeros((batch_size, size), cell.variable_dtype), list(sizes))
    states = cell.get_initial_state(batch_size=batch_size)
    return list(states) if isinstance(states, list | tuple) else [states]


def make_loop(cell, **kwargs):
    """Return Keras's own layer for a cell, which returns all outputs and the states."""
    return keras.layers.RNN(cell, return_sequences=True, return_state=True, **kwargs)


def packer(cell):
    """Return a function that brings a flat list of states into a cell's own structure."""
    return functools.partial(keras.tree.pack_sequence_as, initial_states(cell, 1))


def output_width(cell, shape):
    """Return the width of what a built cell makes of inputs (B, D).

    A step without numbers tells: not every cell says it, and some make their weights in their first step.

    Args:
        shape: (D,), or the more dimensions of an input that is no row of numbers.

    Raises:
        CellError: If the step fails.
    """
    make, states = functools.partial(keras.KerasTensor, dtype=cell.variable_dtype), initial_states(cell, 1)
    inputs, states = make((1, *shape)), keras.tree.map_structure(lambda state: make(state.shape), states)
    try:
        return keras.Operation.compute_output_spec(cell, inputs, states)[0].shape[-1]
    except Exception as error:  # the cell is the user's, and may raise anything
        place = where_raised(error, [inspect.getfile(inspect.unwrap(cell.call))]) or where_defined(cell.call)
        raise CellError(f"{type(cell).__name__}.call failed: {describe(error)} ({place})") from error
