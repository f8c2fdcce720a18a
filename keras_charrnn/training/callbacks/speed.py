"""How fast a training goes."""

import abc
import time

import keras


class Speed(keras.callbacks.Callback, abc.ABC):
    """What callbacks have in common that tell the speed of training, without validation, samples and checkpoints.

    Args:
        characters: Targets in a whole epoch.
    """

    def __init__(self, characters):
        super().__init__()
        self.characters = characters

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_started, self._first, self._last = time.perf_counter(), None, 0
        self._validated, self._validating_since = 0.0, None  # seconds of the epoch's validations; of the one under way

    def on_train_batch_begin(self, batch, logs=None):
        if self._first is None:
            self._first = batch  # 0, but for the epoch in which a training goes on

    def on_train_batch_end(self, batch, logs=None):
        self._last = min(batch + 1, self.params["steps"])  # less than all where the training ends within the epoch

    def on_test_begin(self, logs=None):
        self._validating_since = time.perf_counter()

    def on_test_end(self, logs=None):
        self._validated += time.perf_counter() - self._validating_since
        self._validating_since = None

    def characters_per_second(self):
        """Return the speed of this epoch so far."""
        windows = 0 if self._first is None else self._last - self._first
        seconds = (self._validating_since or time.perf_counter()) - self._epoch_started - self._validated
        return self.characters * windows / self.params["steps"] / seconds
