"""The gated recurrent unit."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("gru")
class GRU(GatedCell):
    """Gated recurrent unit, the reset gate after the product (Keras's `reset_after=True`, cuDNN's form).

        z  = sigmoid(x Wz + bz + h Uz + b'z)          update
        r  = sigmoid(x Wr + br + h Ur + b'r)          reset
        g  = tanh(x Wg + bg + r (h Ug + b'g))         candidate
        h' = z h + (1 - z) g

    Gate order in the weights: update, reset, candidate, as in Keras; the bias is (2, 3*H), b and b'. The kernel starts
    from Glorot's uniform distribution, the recurrent kernel orthogonal, the biases zero.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    """

    gates = ("update", "reset", "candidate")
    states = ("h",)
    recurrent_bias = True

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", **kwargs):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)

    @property
    def fused(self):
        usual = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        return "gru" if usual and type(self) is GRU else None

    def combine(self, zx, zr, states):
        xz, xr, xg = ops.split(zx, 3, axis=-1)
        hz, hr, hg = ops.split(zr, 3, axis=-1)
        update = self.recurrent_activation(xz + hz)
        candidate = self.activation(xg + self.recurrent_activation(xr + hr) * hg)
        return {"h": update * states["h"] + (1 - update) * candidate}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
        }
