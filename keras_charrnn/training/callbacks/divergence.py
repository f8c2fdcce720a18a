"""What tells a training that has come apart from one that is merely hard."""

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.errors import DivergenceError, SettingsError


class Divergence(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more, infinite, or far above its running mean: `DivergenceError`.

    Every step is looked at, inside the compiled step; the end comes at the next call of the callbacks, before a
    checkpoint could be written. To stand before `Checkpointing`.

    Args:
        factor: A loss is far above its running mean when it is more than `factor` times the mean plus 1 nat.
        memory_steps: Steps over which the running mean forgets.

    Raises:
        SettingsError: If one is not above 1.
    """

    memory = ()

    def __init__(self, factor=3.0, memory_steps=100):
        super().__init__()
        for name, value in {"factor": factor, "memory_steps": memory_steps}.items():
            if not value > 1:
                raise SettingsError(f"{name} must be above 1; received {value!r}")
        self.factor, self.memory_steps = factor, memory_steps
        with tf.device("CPU:0"):
            self._mean = keras.Variable(-1.0, trainable=False, name="running_mean")  # -1: no step yet
            self._first = keras.Variable(np.zeros(3, "float32"), trainable=False, name="first_bad_step")

    @property
    def variables(self):
        """The running mean, and of the first bad step its number (from 1; 0: none), loss and gradient norm."""
        return [self._mean, self._first]

    def prepare(self, model):
        model.watch = self
        self._mean.assign(-1.0)
        self._first.assign(np.zeros(3, "float32"))

    def __call__(self, loss, norm):
        """Look at a step, in the graph, before the optimizer makes it."""
        mean, first = self._mean.value, self._first.value
        mean = tf.where(mean < 0, loss, mean)
        # The gradient too: where it is no number, this step's weights and the next one's loss are none.
        fine = tf.math.is_finite(loss) & tf.math.is_finite(norm) & (loss <= self.factor * mean + 1)
        step = tf.cast(self.model.windows_done.value, tf.float32) + 1
        self._first.assign(tf.where(fine | (first[0] > 0), first, tf.stack([step, loss, norm])))
        self._mean.assign(tf.where(fine, mean + (loss - mean) / self.memory_steps, mean))

    def on_train_batch_end(self, batch, logs=None):
        step, loss, norm = (float(each) for each in self._first.numpy())
        if step:
            rate = float(self.model.optimizer.learning_rate)
            raise DivergenceError(
                f"the training diverged at step {step:.0f}: loss {loss:.4g} nats per character, running mean "
                f"{float(self._mean):.4g}, gradient norm {norm:.4g}, learning rate {rate:.4g}"
            )

    def on_train_end(self, logs=None):
        self.model.watch = None
