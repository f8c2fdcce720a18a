"""The contract of a cell whose recurrence is linear, so that a whole window is computed at once.

Shapes in letters: B batch, T time, D width of the input, H units, G number of gates.
"""

import abc

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.engine.recurrence import Recurrence
from keras_charrnn.engine.stand_ins import StandIns
from keras_charrnn.errors import CellError


class LinearCell(GatedCell):
    """A cell with the recurrence h' = a h + b, where a and b depend on the input alone.

    The author writes a and b, and gets steps, the parallel form, the fast gradient and reduced precision from it:

        @keras_charrnn.register_cell("my_linear_cell")
        class MyLinearCell(keras_charrnn.LinearCell):
            gates = ("forget", "candidate")

            def coefficients(self, zx):
                f, g = ops.split(zx, 2, axis=-1)
                f = ops.sigmoid(f)
                return f, (1 - f) * ops.tanh(g)

    `coefficients(self, zx)` gets `zx = x W + b`, (..., G*H), of one step or of a whole window, and returns a and b,
    (..., H) each; it must be pointwise but for the split into gates, and |a| at most 1, or the state grows without
    bound. Further weights are made in `build`, as in any `GatedCell`. There is one state, which is the output, and no
    recurrent kernel for `recurrent_initializer` to fill.

    Raises:
        CellError: If `coefficients` does not return two tensors of that shape.
    """

    recurrent_product = False

    @property
    def equations(self):
        return self.coefficients

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self._recurrence = Recurrence(self._window_coefficients)
        self._restarting_recurrence = Recurrence(self._restarting_coefficients)

    @abc.abstractmethod
    def coefficients(self, zx):
        raise NotImplementedError(
            f"{type(self).__name__} needs the method coefficients(zx), which returns a and b of h' = a h + b"
        )

    def combine(self, zx, zr, states):
        a, b = self._checked_coefficients(zx)
        return {"h": a * states["h"] + b}

    def parallel(self, inputs, states):
        """Run over a window in Keras's order of axes.

        Args:
            inputs: (B, T, D), T known.
            states: List of h before the first step, (B, H).

        Returns:
            The outputs (B, T, H), and the list of h after the last step.
        """
        zx = ops.transpose(self.prepare(ops.matmul(inputs, self.kernel)) + self.bias, (1, 0, 2))
        outputs, states = self.recur(zx, states)
        return ops.transpose(outputs, (1, 0, 2)), states

    def recur(self, zx, states, restarts=None):
        """Like `parallel`, from the input products x W + b (T, B, G*H) to outputs (T, B, H) in their precision.

        `restarts` is None, or an `engine.restarts.Restarts`.
        """
        precision = keras.backend.standardize_dtype(zx.dtype)
        if restarts is None:
            outputs, last = self._recurrence(states[0], zx, *self.own_weights, precision=precision)
        else:
            tensors = (
                zx,
                ops.cast(restarts.marks, self.variable_dtype)[..., None],
                restarts.initial[0],
                *self.own_weights,
            )
            outputs, last = self._restarting_recurrence(states[0], *tensors, precision=precision)
        return outputs, [last]

    def _restarting_coefficients(self, zx, mark, initial, *own):
        """Return a and b where, at a mark of 1 (T, B, 1), the initial state stands for the state before."""
        a, b = self._window_coefficients(zx, *own)
        return a * (1 - mark), b + a * mark * initial

    def _window_coefficients(self, zx, *own):
        with StandIns(self.coefficients, self.own_weights, own):
            return self._checked_coefficients(ops.cast(zx, self.variable_dtype))

    def _checked_coefficients(self, zx):
        result = self.coefficients(zx)
        shape = (*zx.shape[:-1], self.units)
        pair = result if isinstance(result, tuple | list) else [result]
        received = [tuple(each.shape) if hasattr(each, "shape") else type(each).__name__ for each in pair]
        if received != [shape, shape]:
            raise CellError(
                f"{type(self).__name__}.coefficients must return a and b of h' = a h + b, each {shape}; "
                f"received {', '.join(map(str, received))}"
            )
        return pair


@keras.saving.register_keras_serializable(package="keras_charrnn")
def positive(x):
    """The candidates' activation of `min_gru` and `min_lstm`: x + 1/2 from zero on, the sigmoid of x below; g > 0."""
    return ops.where(x >= 0, x + 0.5, ops.sigmoid(x))
