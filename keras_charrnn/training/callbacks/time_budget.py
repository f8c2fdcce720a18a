"""A training that ends when its time is over."""

import time

import keras

from keras_charrnn.errors import SettingsError


class TimeBudget(keras.callbacks.Callback):
    """Ends the training so that its last validation ends with the budget, and lets the learning rate end there too.

    The share of the run that is over is the larger one of the share of its steps and that of its time, without what a
    validation takes. Everything counts: compiling, training, validation, samples. A run that ends in its first epoch
    has seen no validation, and ends later by that. How many steps a run has depends on the machine: it is not the same
    twice. Time between an interruption and the return to the run does not count, nor does what was lost when a training
    that diverged has gone back.

    Args:
        seconds: The budget.
        steps: Most windows.
        learning_rate: Called with the number of windows so far and the share of the run that is over, from 0 to 1;
            returns the learning rate. None to leave it.
        before: Windows and seconds, of all that there are, before the course began of which the share is.

    Attributes:
        spent: Seconds of the budget that are used up.
        validation: Seconds of the longest validation.

    Raises:
        SettingsError: If the budget is not above 0.
    """

    memory = ("spent", "validation")
    clock = staticmethod(time.monotonic)

    def __init__(self, seconds, steps, learning_rate=None, before=(0, 0.0)):
        super().__init__()
        if not seconds > 0:
            raise SettingsError(f"seconds must be above 0; received {seconds!r}")
        self.seconds, self.steps, self.learning_rate, self.before = seconds, steps, learning_rate, before
        self.spent, self.validation = 0.0, 0.0

    def on_train_begin(self, logs=None):
        self._started = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._started is None:  # only now is it known what a checkpoint remembers
            self._started = self.clock() - self.spent
            self._update()

    def on_train_batch_end(self, batch, logs=None):
        if self._update() >= 1:
            self.model.stop_training = True

    def on_test_begin(self, logs=None):
        self._test_started = self.clock()

    def on_test_end(self, logs=None):
        self.validation = max(self.validation, self.clock() - self._test_started)

    def on_epoch_end(self, epoch, logs=None):
        self.spent = self.clock() - self._started

    def _update(self):
        self.spent = self.clock() - self._started
        step, left = int(self.model.windows_done), max(1e-9, self.seconds - self.validation)
        windows, seconds = self.before
        shares = (step - windows) / max(1, self.steps - windows), (self.spent - seconds) / max(1e-9, left - seconds)
        progress = min(1.0, max(shares))
        if self.learning_rate is not None:
            self.model.optimizer.learning_rate = self.learning_rate(step - windows, progress)
        return progress
