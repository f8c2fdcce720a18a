"""A user's equations run for the first time, on zeros, where an error still has a name and a place. TensorFlow only."""

import contextlib
import inspect
import warnings

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import CellError, CharRNNError
from keras_charrnn.plugins import where_defined, where_raised


@contextlib.contextmanager
def naming(cell, method):
    """Turn whatever a cell's method raises into a `CellError` that says which cell's, where and what."""
    equations = getattr(cell, method)
    try:
        yield
    except (CharRNNError, tf.errors.OpError):
        raise
    except Exception as error:  # the method is the user's, and may raise anything
        place = where_raised(error, [inspect.getfile(equations)]) or where_defined(equations)
        name = f"{type(cell).__name__}.{method}"
        raise CellError(f"{name} failed: {type(error).__name__}: {error} ({place})") from error


def try_compiled(cell, method, run, make_functions):
    """Run a cell's method on zeros; where XLA cannot compile it, have the functions made anew, uncompiled, and warn.

    Args:
        cell: A `GatedCell` without its wrappers.
        method: Name of the method.
        run: Runs it, and returns {name: tensor}.
        make_functions: Makes the functions that `run` runs.

    Raises:
        CellError: If a tensor is not finite.
    """
    name = f"{type(cell).__name__}.{method}"
    try:
        results = run()
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"{name} cannot be compiled by XLA and runs uncompiled, slower: {reason}", stacklevel=2)
        make_functions(jit_compile=False)
        results = run()
    for what, value in results.items():
        if not np.isfinite(value).all():
            raise CellError(
                f"{name} returns NaN or infinity as {what!r} when all it gets is zeros "
                f"({where_defined(getattr(cell, method))})"
            )
