"""The independently recurrent network."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.errors import CellError
from keras_charrnn.registry import register_cell


@register_cell("indrnn")
class IndRNN(GatedCell):
    """Independently recurrent network: each unit sees no state but its own.

        h' = relu(x W + u h + b)

    One gate, one state; `recurrent_kernel` is u (H,), and there is no recurrent product. Units meet in the next layer's
    input product, so that the cell wants 2 layers or more.

    The kernel starts from Glorot's uniform distribution, the bias from zero, and u uniform between 0 and 1, so that
    the units remember over different lengths: the authors' choice for relu. What a unit keeps after T steps is u^T of
    what it had. The paper bounds |u| by 2^(1/T), T being the length of the windows; here states go on from window to
    window, so that T has no end and the bound is 1, kept after each step of the optimizer.

    Args:
        units: H.
        activation: In place of relu.
        recurrent_initializer: Of u.
        recurrent_max: The largest |u| in training, or None for no bound.

    Raises:
        CellError: If `recurrent_max` is not positive.

    Source: S. Li et al., Independently recurrent neural network (IndRNN): building a longer and deeper RNN, 2018.
    """

    gates = ("hidden",)
    states = ("h",)
    recurrent_product = False

    def __init__(self, units, activation="relu", recurrent_initializer=None, recurrent_max=1.0, **kwargs):
        if recurrent_initializer is None:
            recurrent_initializer = keras.initializers.RandomUniform(0, 1)
        super().__init__(units, recurrent_initializer=recurrent_initializer, **kwargs)
        if recurrent_max is not None and not recurrent_max > 0:
            raise CellError(f"IndRNN: recurrent_max must be above 0, or None for no bound; received {recurrent_max!r}")
        self.activation = keras.activations.get(activation)
        self.recurrent_max = recurrent_max

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_kernel = self.add_weight(
            shape=(self.units,),
            initializer=self.recurrent_initializer,
            constraint=None if self.recurrent_max is None else _Bound(self.recurrent_max),
            name="recurrent_kernel",
        )

    def combine(self, zx, zr, states):
        return {"h": self.activation(zx + self.recurrent_kernel * states["h"])}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_max": self.recurrent_max,
        }


class _Bound(keras.constraints.Constraint):
    """Keeps the numbers of a weight between -largest and largest."""

    def __init__(self, largest):
        self._largest = largest

    def __call__(self, weight):
        return ops.clip(weight, -self._largest, self._largest)
