"""The simple recurrent network."""

import keras

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("simple_rnn")
class SimpleRNN(GatedCell):
    """h' = tanh(x W + b + h U).

    One gate, one state. The kernel starts from Glorot's uniform distribution, the recurrent kernel orthogonal, so that
    the norm of the state is kept at first, the bias zero: Keras's own choices, and Keras's weight shapes.

    Args:
        units: H.
        activation: In place of tanh.

    Source: J. L. Elman, Finding structure in time, 1990.
    """

    gates = ("hidden",)
    states = ("h",)

    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)

    @property
    def fused(self):
        modes = {keras.activations.tanh: "rnn_tanh", keras.activations.relu: "rnn_relu"}
        return modes.get(self.activation) if type(self) is SimpleRNN else None

    def combine(self, zx, zr, states):
        return {"h": self.activation(zx + zr)}

    def get_config(self):
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}
