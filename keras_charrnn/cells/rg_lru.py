"""The real-gated linear recurrent unit."""

import keras
from keras import ops

from keras_charrnn.cells.linear import LinearCell
from keras_charrnn.errors import CellError
from keras_charrnn.registry import register_cell

SHARPNESS = 8.0  # the paper's c
LEAST = 1e-6  # of 1 - a^2, whose root has no finite gradient at 0


@register_cell("rg_lru")
class RGLRU(LinearCell):
    """RG-LRU: a decay of its own for each unit, which a gate of the input holds back, and an input scaled to match.

        r  = sigmoid(x Wr + br)                   recurrence
        i  = sigmoid(x Wi + bi)                   input
        u  = x Wu + bu                            candidate
        a  = sigmoid(Λ)^(8 r)
        h' = a h + sqrt(1 - a^2) (i u)

    The root keeps the variance of h whatever a is. Gate order in the weights: recurrence, input, candidate. The kernel
    starts from Glorot's uniform distribution, the bias zero, and Λ (H,) so that the decay at r = 1, sigmoid(Λ)^8, is
    uniform from 0.9 to 0.999: from ten steps of memory to a thousand, twice that with the gate half open. In the paper
    u is a linear layer before the unit, whose gates see u; here they see x, and the three are one product.

    Args:
        units: H.
        decays: Least and greatest decay at the start, of a step with r = 1.

    Raises:
        CellError: If the decays are not in order between 0 and 1.

    Source: S. De et al., Griffin: mixing gated linear recurrences with local attention for efficient language models,
    2024.
    """

    gates = ("recurrence", "input", "candidate")

    def __init__(self, units, decays=(0.9, 0.999), **kwargs):
        super().__init__(units, **kwargs)
        self.decays = tuple(decays)
        if len(self.decays) != 2 or not 0 < self.decays[0] <= self.decays[1] < 1:
            raise CellError(f"RGLRU: decays must be two numbers in order, above 0 and below 1; received {decays!r}")

    def build(self, input_shape):
        """Make W (D, 3*H), b (3*H,) and Λ (H,)."""
        super().build(input_shape)
        self.decay = self.add_weight(shape=(self.units,), initializer=self._initial_decay, name="decay")

    def _initial_decay(self, shape, dtype=None):
        per_gate = keras.initializers.RandomUniform(*self.decays)(shape, dtype=dtype) ** (1 / SHARPNESS)
        return ops.log(per_gate) - ops.log1p(-per_gate)

    def coefficients(self, zx):
        recurrence, enter, candidate = ops.split(zx, 3, axis=-1)
        log_a = SHARPNESS * ops.sigmoid(recurrence) * ops.log_sigmoid(self.decay)
        scale = ops.sqrt(ops.maximum(-ops.expm1(2 * log_a), LEAST))
        return ops.exp(log_a), scale * ops.sigmoid(enter) * candidate

    def get_config(self):
        return {**super().get_config(), "decays": self.decays}
