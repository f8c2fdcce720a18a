"""Dropout of the state on its way into the recurrent product.

Shapes in letters: B batch, H units.
"""

import keras
from keras import ops

from keras_charrnn.cells.wrapper import CellWrapper
from keras_charrnn.engine import noise as noises
from keras_charrnn.errors import CellError


@keras.saving.register_keras_serializable(package="keras_charrnn")
class RecurrentDropout(CellWrapper):
    """Drops a share of the state that feeds the recurrent product, the same entries at all steps of a window.

    The equations of the cell see the whole state, as with the argument `recurrent_dropout` of Keras's own cells. What
    the product gets is a state of its own, the first: it carries h as the step left it, masked and divided by
    1 - rate. So the first product of a window is of the state as the window before has masked it. Stepped by
    Keras's own layer in training, each step has a mask of its own.

    Args:
        cell: A `GatedCell`.
        rate: Share of the entries that are dropped.

    Raises:
        CellError: If `cell` has no recurrent product.

    Source: Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in recurrent neural networks,
        2016.
    """

    def __init__(self, cell, rate, **kwargs):
        super().__init__(cell, rate, **kwargs)
        if not cell.recurrent_product:
            raise CellError(
                f"RecurrentDropout drops of the state that feeds the recurrent product; {type(cell.unwrap()).__name__} "
                "has no such product"
            )

    @property
    def states(self):
        return ("recurrent_input", *self.cell.states)

    def get_initial_state(self, batch_size=None):
        states = super().get_initial_state(batch_size)
        return [states[0], *states]

    def draw_noise(self, seed, start, steps, batch_size):
        inner = self.draw_inner(seed, start, steps, batch_size)
        ones = ops.ones((batch_size, self.units), self.variable_dtype)
        mask = noises.dropout(ones, self.rate, noises.fold_in(seed, -2))
        return [(each, mask) for each in inner]

    def combine(self, zx, zr, states, training, seed=None, noise=None):
        inner, mask = (None, None) if noise is None else noise
        output, new = self.run_inner(zx, zr, states, training, seed, inner)
        first = new[self.cell.states[0]]
        return {"recurrent_input": first if mask is None else first * mask, **new, "output": output}
