"""The minimal long short-term memory whose gates and candidate depend on the input alone."""

import keras
from keras import ops

from keras_charrnn.cells.linear import LinearCell, positive
from keras_charrnn.registry import register_cell

CLOSED = -40.0  # a gate below is as good as closed, and two of them still have a sum whose square is not 0 in float32


@register_cell("min_lstm")
class MinLSTM(LinearCell):
    """minLSTM: a long short-term memory without the state in its gates, so that all steps are computed at once.

        f  = sigmoid(x Wf + bf)           forget
        i  = sigmoid(x Wi + bi)           input
        h~ = g(x Wh + bh)                 candidate
        h' = f / (f + i) h + i / (f + i) h~

    with g(x) = x + 1/2 for x >= 0 and sigmoid(x) below, as in `min_gru`, where the reason stands. Gate order in the
    weights: forget, input, candidate. The kernel starts from Glorot's uniform distribution, the bias zero but for 1 at
    the forget gate, so that the cell remembers at first.

    The paper computes the shares of f and i from their logarithms, where f + i cannot vanish. Here no gate is taken to
    be closer than sigmoid(-40), which does the same in less than half the time.

    Args:
        units: H.
        activation: In place of g.

    Source: L. Feng et al., Were RNNs all we needed?, 2024 (appendix B).
    """

    gates = ("forget", "input", "candidate")

    def __init__(self, units, activation=positive, bias_initializer=None, **kwargs):
        bias = {"forget": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.activation = keras.activations.get(activation)

    def coefficients(self, zx):
        forget, enter, candidate = ops.split(zx, 3, axis=-1)
        forget, enter = (ops.sigmoid(ops.maximum(gate, CLOSED)) for gate in (forget, enter))
        total = forget + enter
        return forget / total, enter / total * self.activation(candidate)

    def get_config(self):
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}
