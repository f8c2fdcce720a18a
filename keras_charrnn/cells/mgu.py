"""The minimal gated unit."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("mgu")
class MGU(GatedCell):
    """Minimal gated unit: a GRU whose one gate both resets and updates; reset after the product.

        f  = sigmoid(x Wf + h Uf + bf)          forget
        g  = tanh(x Wg + f (h Ug) + bg)         candidate
        h' = (1 - f) h + f g

    The paper resets before the product, (f h) Ug, which would need a second product after the first; f (h Ug) is what
    cuDNN's and Keras's GRU do with their reset gate, and takes one product for both.

    Gate order in the weights: forget, candidate. An open gate, f = 1, replaces the state. The kernel starts from
    Glorot's uniform distribution, the recurrent kernel orthogonal, the bias zero, so that the gate starts half open.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.

    Source: G.-B. Zhou et al., Minimal gated unit for recurrent neural networks, 2016.
    """

    gates = ("forget", "candidate")
    states = ("h",)

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", **kwargs):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)

    def combine(self, zx, zr, states):
        xf, xg = ops.split(zx, 2, axis=-1)
        hf, hg = ops.split(zr, 2, axis=-1)
        forget = self.recurrent_activation(xf + hf)
        return {"h": (1 - forget) * states["h"] + forget * self.activation(xg + forget * hg)}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
        }
