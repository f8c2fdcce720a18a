"""Gradient clipping with the norm and the share of clipped steps as metrics. The clipping is TensorFlow's."""

import keras
import tensorflow as tf

from keras_charrnn.errors import SettingsError


class GradientClipping(keras.callbacks.Callback):
    """Clips the gradient of the whole batch before the optimizer sees it.

    At most one of the arguments may be given; without any the gradient is only measured. Two metrics come with it:
    `gradient_norm`, the norm of the whole gradient before clipping, and `clipped`, the share of steps that it changed,
    both averaged over the epoch.

    Args:
        norm: Largest norm of the whole gradient, over all variables.
        variable_norm: Largest norm of each variable's gradient.
        value: Largest absolute value of each entry.

    Raises:
        SettingsError: If two are given, or one is not above 0.
    """

    names = ("gradient_norm", "clipped")

    def __init__(self, norm=None, variable_norm=None, value=None):
        super().__init__()
        given = {"norm": norm, "variable_norm": variable_norm, "value": value}
        given = {name: limit for name, limit in given.items() if limit is not None}
        if len(given) > 1:
            raise SettingsError(f"{' and '.join(given)} exclude one another; keep one")
        for name, limit in given.items():
            if not limit > 0:
                raise SettingsError(f"{name} must be above 0; received {limit!r}")
        self.norm, self.variable_norm, self.value = norm, variable_norm, value

    def prepare(self, model):
        model.gradient_clipping = self

    def on_train_end(self, logs=None):
        self.model.gradient_clipping = None

    def __call__(self, gradients):
        """Clip a list of gradients.

        Returns:
            The clipped gradients, and {"gradient_norm": before clipping, "clipped": 1.0 if anything changed, else 0.0}.
        """
        norm = tf.linalg.global_norm(gradients)
        over = tf.constant(False)
        if self.norm is not None:
            over = norm > self.norm
            gradients, _ = tf.clip_by_global_norm(gradients, self.norm, use_norm=norm)
        elif self.variable_norm is not None:
            over = tf.reduce_any([tf.norm(each) > self.variable_norm for each in gradients])
            gradients = [tf.clip_by_norm(each, self.variable_norm) for each in gradients]
        elif self.value is not None:
            over = tf.reduce_any([tf.reduce_any(tf.abs(each) > self.value) for each in gradients])
            gradients = [tf.clip_by_value(each, -self.value, self.value) for each in gradients]
        return gradients, {"gradient_norm": norm, "clipped": tf.cast(over, tf.float32)}
