"""Long short-term memory."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("lstm")
class LSTM(GatedCell):
    """Long short-term memory with a forget gate.

        i  = sigmoid(x Wi + h Ui + bi)      input
        f  = sigmoid(x Wf + h Uf + bf)      forget
        g  = tanh(x Wg + h Ug + bg)         candidate
        o  = sigmoid(x Wo + h Uo + bo)      output
        c' = f c + i g
        h' = o tanh(c')

    Gate order in the weights: input, forget, candidate, output, as in Keras. The kernel starts from Glorot's uniform
    distribution, the recurrent kernel orthogonal, the bias zero but for 1 at the forget gate, so that the cell
    remembers at first (Jozefowicz et al., 2015).

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; F. Gers et al., Learning to forget, 2000.
    """

    gates = ("input", "forget", "candidate", "output")
    states = ("h", "c")

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", bias_initializer=None, **kwargs):
        bias = {"forget": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)

    @property
    def fused(self):
        usual = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        return "lstm" if usual and type(self) is LSTM else None

    def combine(self, zx, zr, states):
        i, f, g, o = ops.split(zx + zr, 4, axis=-1)
        c = self.recurrent_activation(f) * states["c"] + self.recurrent_activation(i) * self.activation(g)
        return {"h": self.recurrent_activation(o) * self.activation(c), "c": c}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
        }
