# leaky.py
from keras import ops

import keras_charrnn


@keras_charrnn.register_cell("leaky")
class Leaky(keras_charrnn.GatedCell):
    """h' = a h + (1 - a) tanh(x W + b + h U), with a leak a that is learned for each unit."""

    gates = ("candidate",)
    states = ("h",)

    def build(self, input_shape):
        super().build(input_shape)
        self.leak = self.add_weight(shape=(self.units,), initializer="zeros", name="leak")

    def combine(self, zx, zr, states):
        a = ops.sigmoid(self.leak)
        return {"h": a * states["h"] + (1 - a) * ops.tanh(zx + zr)}
