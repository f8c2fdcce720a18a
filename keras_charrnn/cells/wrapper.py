"""What the wrappers of a cell have in common.

Shapes in letters: B batch, D width of the input, H units, G number of gates.
"""

import keras

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.errors import CellError


def _of_cell(name):
    """Return an attribute that is the wrapped cell's."""
    return property(lambda self: getattr(self.cell, name))


class CellWrapper(GatedCell):
    """A cell made of another one, all of whose weights are the other one's. A subclass has `combine`.

    Args:
        cell: A `GatedCell`, or a wrapper of one.
        rate: Share of the entries that the wrapper acts on.

    Raises:
        CellError: If `cell` is no `GatedCell`, or the rate is not at least 0 and below 1.
    """

    def __init__(self, cell, rate, **kwargs):
        wrapper = type(self).__name__
        if not isinstance(cell, GatedCell):
            raise CellError(
                f"{wrapper} acts inside the fast loop and takes a GatedCell; received {_describe(cell)}, which is none"
            )
        self.cell = cell
        super().__init__(cell.units, **{"dtype": cell.dtype_policy, **kwargs})
        self.rate = rate
        for each in self._rates():
            if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each < 1:
                raise CellError(f"{wrapper}: a rate must be a number at least 0 and below 1; received {each!r}")
        if not cell.takes_seed:
            self._options = self._options - {"seed"}

    def _rates(self):
        return [self.rate]

    gates, states = _of_cell("gates"), _of_cell("states")
    recurrent_bias, recurrent_product = _of_cell("recurrent_bias"), _of_cell("recurrent_product")
    adds_bias = _of_cell("adds_bias")
    kernel, recurrent_kernel, bias = _of_cell("kernel"), _of_cell("recurrent_kernel"), _of_cell("bias")

    def unwrap(self):
        return self.cell.unwrap()

    def build(self, input_shape):
        """Make the weights of the wrapped cell."""
        if not self.cell.built:
            self.cell.build(input_shape)
        self.built = True

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size=batch_size)

    def prepare(self, zx):
        return self.cell.prepare(zx)

    def draw_inner(self, seed, start, steps, batch_size):
        """Return what the wrapped cell draws, or None for each step."""
        return self.cell.draw_noise(seed, start, steps, batch_size) if self.cell.takes_noise else [None] * steps

    def run_inner(self, zx, zr, states, training, seed, noise):
        """Run the wrapped cell; return its output and its new states, a dictionary."""
        before = [states[name] for name in self.cell.states]
        output, new = self.cell.step(zx, zr, before, training=training, seed=seed, noise=noise)
        return output, dict(zip(self.cell.states, new, strict=True))

    def get_config(self):
        return {
            **keras.layers.Layer.get_config(self),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "rate": self.rate,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "cell": keras.saving.deserialize_keras_object(config["cell"])})


def _describe(cell):
    return type(cell).__name__ if isinstance(cell, keras.layers.Layer) else repr(cell)
