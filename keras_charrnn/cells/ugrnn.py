"""The update gate recurrent network."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("ugrnn")
class UGRNN(GatedCell):
    """Update gate network: a simple recurrent network with one gate between the old state and the new.

        z  = sigmoid(x Wz + h Uz + bz)     update
        g  = tanh(x Wg + h Ug + bg)        candidate
        h' = z h + (1 - z) g

    Gate order in the weights: update, candidate. An open gate, z = 1, keeps the state, as in `GRU`. The kernel starts
    from Glorot's uniform distribution, the recurrent kernel orthogonal, the bias zero but for 1 at the update gate, so
    that the cell remembers at first.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.

    Source: J. Collins et al., Capacity and trainability in recurrent neural networks, 2017.
    """

    gates = ("update", "candidate")
    states = ("h",)

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", bias_initializer=None, **kwargs):
        bias = {"update": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)

    def combine(self, zx, zr, states):
        z, g = ops.split(zx + zr, 2, axis=-1)
        update = self.recurrent_activation(z)
        return {"h": update * states["h"] + (1 - update) * self.activation(g)}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
        }
