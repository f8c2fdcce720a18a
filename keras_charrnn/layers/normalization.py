"""Keras's normalisations in one compiled pass. TensorFlow only.

Shapes in letters: H width of what is normalised.
"""

import keras
import tensorflow as tf

KINDS = {"layer": keras.layers.LayerNormalization, "rms": keras.layers.RMSNormalization}


@keras.saving.register_keras_serializable(package="keras_charrnn")
class Normalization(keras.layers.Layer):
    """Keras's `LayerNormalization` or `RMSNormalization` over the last axis, compiled by XLA.

    Inside, all is in the type of the weights, float32. Operation by operation it would read and write the sequence some
    ten times.

    Args:
        kind: "layer" or "rms".
    """

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.inner = kind, KINDS[kind](name=kind)
        self._compiled = tf.function(self._run, jit_compile=True, autograph=False, reduce_retracing=True)

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def call(self, x):
        """Normalise x (..., H); the result has the type of x."""
        x, *weights = map(tf.convert_to_tensor, (x, *self.inner.weights))
        rows = self._compiled(tf.reshape(x, (-1, x.shape[-1])), weights)
        return tf.ensure_shape(tf.reshape(rows, tf.shape(x)), x.shape)

    def _run(self, x, weights):
        # The variables stand for the tensors: a compiled function may not read variables of another device.
        with keras.StatelessScope(state_mapping=list(zip(self.inner.weights, weights, strict=True))):
            return tf.cast(self.inner(tf.cast(x, self.variable_dtype)), x.dtype)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}
