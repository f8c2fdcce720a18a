"""Long short-term memory with peepholes."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.registry import register_cell


@register_cell("peephole_lstm")
class PeepholeLSTM(GatedCell):
    """Long short-term memory whose gates see the memory c through peepholes.

        i  = sigmoid(x Wi + h Ui + pi c + bi)     input
        f  = sigmoid(x Wf + h Uf + pf c + bf)     forget
        g  = tanh(x Wg + h Ug + bg)               candidate
        c' = f c + i g
        o  = sigmoid(x Wo + h Uo + po c' + bo)    output
        h' = o tanh(c')

    Gate order in the weights: input, forget, candidate, output; `peephole_kernel` is (3, H): pi, pf, po, one weight for
    each unit. The kernels and the bias start as those of `LSTM`, with 1 at the forget gate, and the peepholes from
    zero, so that the cell begins as an LSTM and learns what the gates should see.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.
        peephole_initializer: Of the peepholes.

    Source: F. Gers and J. Schmidhuber, Recurrent nets that time and count, 2000; F. Gers et al., Learning precise
    timing with LSTM recurrent networks, 2002.
    """

    gates = ("input", "forget", "candidate", "output")
    states = ("h", "c")

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        bias_initializer=None,
        peephole_initializer="zeros",
        **kwargs,
    ):
        bias = {"forget": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)

    def build(self, input_shape):
        super().build(input_shape)
        self.peephole_kernel = self.add_weight(
            shape=(3, self.units), initializer=self.peephole_initializer, name="peephole_kernel"
        )

    def combine(self, zx, zr, states):
        i, f, g, o = ops.split(zx + zr, 4, axis=-1)
        to_input, to_forget, to_output = ops.unstack(self.peephole_kernel, 3)
        before = states["c"]
        forget = self.recurrent_activation(f + to_forget * before)
        c = forget * before + self.recurrent_activation(i + to_input * before) * self.activation(g)
        return {"h": self.recurrent_activation(o + to_output * c) * self.activation(c), "c": c}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
        }
