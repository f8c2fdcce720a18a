"""Initial weights of cells: a bias gate by gate, and several kernels of one shape.

Shapes in letters: H units, G number of gates.
"""

from collections.abc import Mapping

import keras
from keras import ops

from keras_charrnn.errors import CellError


class GateBias:
    """Fills a bias in which the G gates lie side by side.

    Args:
        initializer: An initializer for all gates, or a mapping from names of gates to initializers, the other gates
            starting from zeros.
        gates: Names of the gates, in the order of the bias.
        owner: Name of the cell, for messages.

    Raises:
        CellError: If the mapping names a gate that does not exist.
    """

    def __init__(self, initializer, gates, owner):
        self._gates, self._by_gate, self._all = gates, None, None
        if not isinstance(initializer, Mapping) or "class_name" in initializer:
            self._all = keras.initializers.get(initializer)
            return
        if unknown := set(initializer) - set(gates):
            raise CellError(
                f"{owner}: bias_initializer names {', '.join(map(repr, sorted(unknown)))}, "
                f"but the gates are {', '.join(gates)}"
            )
        self._by_gate = {gate: keras.initializers.get(each) for gate, each in initializer.items()}

    def __call__(self, shape, dtype=None):
        """Return the bias (G*H,), or (2, G*H) with a second row that a mapping leaves at zero."""
        if self._by_gate is None:
            return self._all(shape, dtype=dtype)
        zeros, units = keras.initializers.Zeros(), shape[-1] // len(self._gates)
        bias = ops.concatenate([self._by_gate.get(gate, zeros)((units,), dtype=dtype) for gate in self._gates])
        return bias if len(shape) == 1 else ops.stack([bias, ops.zeros_like(bias)])

    def serialize(self):
        """Return what a configuration holds and the constructor takes."""
        if self._by_gate is None:
            return keras.initializers.serialize(self._all)
        return {gate: keras.initializers.serialize(each) for gate, each in self._by_gate.items()}


def fresh(initializer):
    """Return an initializer of the same kind that draws other values, unless its seed is fixed.

    A random initializer of Keras gives the same values each time it is called for the same shape.
    """
    return initializer.clone() if isinstance(initializer, keras.initializers.Initializer) else initializer
