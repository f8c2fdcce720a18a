"""The recurrent highway network."""

import keras
from keras import ops

from keras_charrnn.cells.base import RecurrentCell, require_whole
from keras_charrnn.cells.initial import GateBias, fresh
from keras_charrnn.registry import register_cell


@register_cell("rhn")
class RHN(RecurrentCell):
    """Recurrent highway network: several highway layers from one state to the next; the carry gate coupled, 1 - t.

        s0 = h
        t  = sigmoid(x Wt + s Ut + bt)     transform
        g  = tanh(x Wg + s Ug + bg)        candidate
        s' = t g + (1 - t) s
        h' = s after the last layer

    x enters the first layer only; each layer has kernels U and biases of its own.

    Gate order in the weights: transform, candidate. Weights: `kernel` W (D, 2*H), then for each layer in turn one of
    `recurrent_kernels`, U (H, 2*H), and one of `biases`, b (2*H,). The kernel starts from Glorot's uniform
    distribution, the recurrent kernels orthogonal, the biases zero but for -2 at the transform gates, so that at first
    the state and its gradient pass the layers nearly unchanged.

    Args:
        units: H.
        depth: Number of highway layers in a step, 1 or more.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.
        kernel_initializer: Of W.
        recurrent_initializer: Of each U.
        bias_initializer: Of each b: an initializer, or a mapping from names of gates to initializers, as `GatedCell`'s.

    Raises:
        CellError: If `depth` is out of its range or a bias names a gate that does not exist.

    Source: J. G. Zilly et al., Recurrent highway networks, 2017.
    """

    gates = ("transform", "candidate")

    def __init__(
        self,
        units,
        depth=3,
        activation="tanh",
        recurrent_activation="sigmoid",
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer=None,
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        require_whole(self, "depth", depth, 1)
        self.depth = depth
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        if bias_initializer is None:
            bias_initializer = {"transform": keras.initializers.Constant(-2.0)}
        self.bias_initializer = GateBias(bias_initializer, self.gates, type(self).__name__)

    def build(self, input_shape):
        width = 2 * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width), initializer=self.kernel_initializer, name="kernel"
        )
        self.recurrent_kernels, self.biases = [], []
        for layer in range(self.depth):
            initializer, shape = fresh(self.recurrent_initializer), (self.units, width)
            self.recurrent_kernels.append(
                self.add_weight(shape=shape, initializer=initializer, name=f"recurrent_kernel_{layer}")
            )
            self.biases.append(self.add_weight(shape=(width,), initializer=self.bias_initializer, name=f"bias_{layer}"))
        self.built = True

    def call(self, inputs, states, training=False):
        s, from_inputs = states[0], ops.matmul(inputs, self.kernel)
        for layer, (recurrent_kernel, bias) in enumerate(zip(self.recurrent_kernels, self.biases, strict=True)):
            z = ops.matmul(s, recurrent_kernel) + bias
            t, g = ops.split(z + from_inputs if layer == 0 else z, 2, axis=-1)
            transform = self.recurrent_activation(t)
            s = transform * self.activation(g) + (1 - transform) * s
        return s, [s]

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": self.bias_initializer.serialize(),
        }
