"""The minimal gated recurrent unit whose gate and candidate depend on the input alone."""

import keras
from keras import ops

from keras_charrnn.cells.linear import LinearCell, positive
from keras_charrnn.registry import register_cell


@register_cell("min_gru")
class MinGRU(LinearCell):
    """minGRU: a gated recurrent unit without the state in its gates, so that all steps are computed at once.

        z  = sigmoid(x Wz + bz)           update
        h~ = g(x Wh + bh)                 candidate
        h' = (1 - z) h + z h~

    with g(x) = x + 1/2 for x >= 0 and sigmoid(x) below. Gate order in the weights: update, candidate. The kernel starts
    from Glorot's uniform distribution, the bias zero, so that half of each state is new at first.

    The paper needs candidates above zero because it scans over logarithms, lest its products of coefficients vanish.
    Here each step is taken in turn, which is stable with any candidate, and the paper's g is kept for its results.

    Args:
        units: H.
        activation: In place of g.

    Source: L. Feng et al., Were RNNs all we needed?, 2024 (appendix B).
    """

    gates = ("update", "candidate")

    def __init__(self, units, activation=positive, **kwargs):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)

    def coefficients(self, zx):
        update, candidate = ops.split(zx, 2, axis=-1)
        update = ops.sigmoid(update)
        return 1 - update, update * self.activation(candidate)

    def get_config(self):
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}
