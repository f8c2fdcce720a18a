"""Long short-term memory with layer normalisation."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.engine.norms import layer_norm
from keras_charrnn.registry import register_cell


@register_cell("layer_norm_lstm")
class LayerNormLSTM(GatedCell):
    """Long short-term memory with layer normalisation of both products and of the memory.

        z  = ax norm(x W) + ar norm(h U) + b
        i, f, g, o = the quarters of z
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(ac norm(c') + sc)

    norm(v) = (v - mean(v)) / sqrt(variance(v) + epsilon), over the 4*H entries of a product or the H of the memory. The
    memory that goes on to the next step is not normalised. The paper gives each product a shift beside its gain; these
    would only be added to b, and are left out.

    Gate order in the weights: input, forget, candidate, output. The kernels start as those of `LSTM`, the gains
    `input_gain`, `recurrent_gain` (4*H,) and `memory_gain` (H,) from 1, the shift `memory_shift` (H,) and the bias from
    zero but for 1 at the forget gate, so that the cell remembers at first.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.
        epsilon: Added to the variances. Smaller than Keras's 1e-3, since embeddings, and so the input product, have
            variances of that size when training starts.

    Source: J. L. Ba et al., Layer normalization, 2016.
    """

    gates = ("input", "forget", "candidate", "output")
    states = ("h", "c")

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        bias_initializer=None,
        epsilon=1e-5,
        **kwargs,
    ):
        bias = {"forget": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.epsilon = epsilon

    def build(self, input_shape):
        super().build(input_shape)
        self.input_gain = self.add_weight(shape=(4 * self.units,), initializer="ones", name="input_gain")
        self.recurrent_gain = self.add_weight(shape=(4 * self.units,), initializer="ones", name="recurrent_gain")
        self.memory_gain = self.add_weight(shape=(self.units,), initializer="ones", name="memory_gain")
        self.memory_shift = self.add_weight(shape=(self.units,), initializer="zeros", name="memory_shift")

    def prepare(self, zx):
        return self.input_gain * layer_norm(zx, self.epsilon)

    def combine(self, zx, zr, states):
        i, f, g, o = ops.split(zx + self.recurrent_gain * layer_norm(zr, self.epsilon), 4, axis=-1)
        c = self.recurrent_activation(f) * states["c"] + self.recurrent_activation(i) * self.activation(g)
        read = self.activation(self.memory_gain * layer_norm(c, self.epsilon) + self.memory_shift)
        return {"h": self.recurrent_activation(o) * read, "c": c}

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "epsilon": self.epsilon,
        }
