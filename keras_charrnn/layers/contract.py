"""The border between Keras's contract of a cell, whose states are any structure, and this package's lists of tensors.

What `keras.layers.RNN` takes is the rule.

Shapes in letters: B batch, D width of the input.
"""

import functools
import inspect

import keras
from keras import ops

from keras_charrnn.cells import GatedCell
from keras_charrnn.errors import CellError, SettingsError, describe
from keras_charrnn.plugins import where_defined, where_raised


def require_cell(cell):
    """Return a cell that can be run over time; a list of cells as one, each upon the one before.

    Raises:
        CellError: If it is no such cell.
    """
    if isinstance(cell, list | tuple) and cell:
        return keras.layers.StackedRNNCells([require_cell(each) for each in cell])
    runs_over_time = isinstance(cell, keras.layers.RNN)
    if not isinstance(cell, keras.layers.Layer) or not hasattr(cell, "state_size") or runs_over_time:
        raise CellError(
            f"Recurrent takes a cell, which makes one step, such as keras_charrnn.cells.GRU(128); received {cell!r}"
        )
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
        CellError: If the step fails, or does not return what a cell's has to.
    """
    make, states = functools.partial(keras.KerasTensor, dtype=cell.variable_dtype), initial_states(cell, 1)
    inputs, states = make((1, *shape)), keras.tree.map_structure(lambda state: make(state.shape), states)
    try:
        returned = keras.Operation.compute_output_spec(cell, inputs, states)
    except Exception as error:  # the cell is the user's, and may raise anything
        place = where_raised(error, [inspect.getfile(inspect.unwrap(cell.call))]) or where_defined(cell.call)
        raise CellError(f"{type(cell).__name__}.call failed: {describe(error)} ({place})") from error
    if fault := _fault_of(returned, _shapes(states)):
        raise CellError(f"{type(cell).__name__}.call must return {fault} ({where_defined(cell.call)})")
    return returned[0].shape[-1]


def _fault_of(returned, wanted):
    """Return what a step should have returned and what came, or ""."""
    if not isinstance(returned, list | tuple) or len(returned) != 2:
        number = f" of {len(returned)}" if isinstance(returned, list | tuple) else ""
        return f"the pair (output, new states); received {type(returned).__name__}{number}"
    output, received = returned[0], _shapes(returned[1])
    if len(getattr(output, "shape", ())) < 2:
        return f"an output (batch, width) first; received {getattr(output, 'shape', type(output).__name__)}"
    return "" if received == wanted else f"new states of the shapes {wanted}; received {received}"


def _shapes(states):
    """Return the shapes of states, None for the number of rows, or what is no tensor."""
    shapes = [getattr(each, "shape", None) for each in keras.tree.flatten(states)]
    return [None if shape is None else (None, *shape[1:]) for shape in shapes]


def require_states(cell, states, name):
    """Return the states before the first step that a caller gave, in the cell's own structure or flat, as a flat list.

    Args:
        name: Of the layer, for messages.

    Raises:
        SettingsError: If they are not as many as the cell has, or of other widths.
    """
    received, wanted = _shapes(states), _shapes(initial_states(cell, 1))
    if received != wanted:
        raise SettingsError(f"{name}: initial_state must have the shapes {wanted}, None the rows; received {received}")
    return keras.tree.flatten(states)


def state_names(layer):
    """Return the names of the states of a `Recurrent`; s0, s1, … for a cell that does not name them."""
    count, names = len(layer.initial_state(1)), list(getattr(layer.cell, "states", ()))
    return names if len(names) == count else [f"s{index}" for index in range(count)]
