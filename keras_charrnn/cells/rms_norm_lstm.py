"""Long short-term memory with coupled gates and RMS normalisation."""

from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.engine.norms import rms_norm
from keras_charrnn.registry import register_cell


@register_cell("rms_norm_lstm")
class RMSNormLSTM(GatedCell):
    """Long short-term memory whose input gate is what the forget gate leaves, with what the state feeds normalised.

        z  = x W + b + ar norm(h U)
        f, g, o = the thirds of z
        c' = sigmoid(f) c + (1 - sigmoid(f)) tanh(g)
        h' = sigmoid(o) tanh(ac norm(c'))

    norm(v) = v / sqrt(mean(v^2) + epsilon), over the 3*H entries of the product or the H of the memory. The memory that
    goes on to the next step is not normalised, and neither is the input product, which does not depend on the state:
    the recurrent one has a size of its own to be heard beside it. With a quarter fewer products than `layer_norm_lstm`,
    it is faster at the same units, and better at the same time.

    Gate order in the weights: forget, candidate, output. The gains `recurrent_gain` (3*H,) and `memory_gain` (H,) start
    from 1, the bias from zero but for 1 at the forget gate, so that the cell remembers at first.

    Args:
        units: H.
        epsilon: Added to the means.

    Sources: K. Greff et al., LSTM: a search space odyssey, 2017 (coupled gates, CIFG); B. Zhang and R. Sennrich, Root
    mean square layer normalization, 2019. Where the norms stand is this package's own.
    """

    gates = ("forget", "candidate", "output")
    states = ("h", "c")

    def __init__(self, units, bias_initializer=None, epsilon=1e-5, **kwargs):
        bias = {"forget": "ones"} if bias_initializer is None else bias_initializer
        super().__init__(units, bias_initializer=bias, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_gain = self.add_weight(shape=(3 * self.units,), initializer="ones", name="recurrent_gain")
        self.memory_gain = self.add_weight(shape=(self.units,), initializer="ones", name="memory_gain")

    def combine(self, zx, zr, states):
        f, g, o = ops.split(zx + self.recurrent_gain * rms_norm(zr, self.epsilon), 3, axis=-1)
        f = ops.sigmoid(f)
        c = f * states["c"] + (1 - f) * ops.tanh(g)
        return {"h": ops.sigmoid(o) * ops.tanh(self.memory_gain * rms_norm(c, self.epsilon)), "c": c}

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
