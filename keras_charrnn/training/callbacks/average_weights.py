"""The moving average of the weights in place of the weights, where they are judged and kept."""

import keras
import tensorflow as tf


class AverageWeights(keras.callbacks.Callback):
    """Puts the optimizer's moving average in the place of the weights from each validation to the next epoch.

    Validation is of the average, and so is the model from the end of an epoch to the beginning of the next: what
    callbacks after this one sample from and save. After a validation within an epoch `give_back` ends that.
    `Checkpointing` saves the weights of training even so. The metric `average`, the momentum, stands in the line of
    each epoch whose `val_loss` is that of the average. After Keras's `fit` the model has the average.

    After n windows the momentum is (1 + n) / (10 + n), `momentum` at most, so that the weights that training began with
    do not weigh down a short run; Keras's own stays the same from the first step on.

    Args:
        momentum: Above 0 and below 1; the model's optimizer must have `use_ema`.

    Attributes:
        weights_aside: The arrays of all weights of training while the average is in their place, else None.
    """

    memory = ()

    def __init__(self, momentum):
        super().__init__()
        self.momentum, self.weights_aside = momentum, None

    def prepare(self, model):
        model.optimizer.ema_momentum = _Rising(self.momentum, model)

    def on_epoch_begin(self, epoch, logs=None):
        self.give_back()

    def on_test_begin(self, logs=None):
        self._put_average()

    def on_epoch_end(self, epoch, logs=None):
        self._put_average()
        if logs is not None:
            logs["average"] = self.momentum

    def on_train_end(self, logs=None):
        self.model.optimizer.ema_momentum, self.weights_aside = self.momentum, None

    def give_back(self):
        """Give the model the weights of training back."""
        if self.weights_aside is not None:
            self.model.set_weights(self.weights_aside)
            self.weights_aside = None

    def _put_average(self):
        if self.weights_aside is None:
            self.weights_aside = self.model.get_weights()
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)


class _Rising:
    """A momentum that TensorFlow works out of the number of windows whenever the optimizer uses it."""

    def __init__(self, most, model):
        self.most, self.model = most, model

    def __tf_tensor__(self, dtype=None, name=None):
        windows = tf.cast(self.model.windows_done.value, tf.float32)
        return tf.cast(tf.minimum(self.most, (1 + windows) / (10 + windows)), dtype or tf.float32, name)
