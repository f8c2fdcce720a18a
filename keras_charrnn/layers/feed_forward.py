"""The feed-forward block after a recurrent layer.

Shapes in letters: N rows, H units, F width of the middle.
"""

import keras
from keras import ops

from keras_charrnn.engine.products import project


@keras.saving.register_keras_serializable(package="keras_charrnn")
class FeedForward(keras.layers.Layer):
    """Two products with an activation between them: y = activation(x W + b) V + c, (..., H) -> (..., H).

    Args:
        width: F.
        activation: Between the products.
    """

    def __init__(self, width, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.activation = keras.activations.get(activation)
        self.inner = keras.layers.Dense(width, name="inner")
        self.outer = None

    def build(self, input_shape):
        self.outer = keras.layers.Dense(input_shape[-1], name="outer")
        self.inner.build((1, input_shape[-1]))
        self.outer.build((1, self.width))
        self.built = True

    def call(self, x):
        return self.run(x)

    def run(self, x, precision="float32"):
        """Like a call, with the products' operands and the result in a precision."""
        rows = ops.reshape(x, (-1, x.shape[-1]))
        middle = self.activation(project(rows, self.inner.kernel, self.inner.bias, precision))
        outputs = project(middle, self.outer.kernel, self.outer.bias, precision)
        return ops.reshape(ops.cast(outputs, precision), ops.shape(x))

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "activation": keras.activations.serialize(self.activation),
        }
