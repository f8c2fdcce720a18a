"""The speed of a training, without what is no training."""

import time

import keras


class Clock(keras.callbacks.Callback):
    """Measures each epoch from the end of its first steps, which may have compiled, to the end of its last ones.

    Looks within it do not count. Where an epoch is a single call of the compiled step, there is only the whole to
    measure.

    Args:
        characters: Targets in a step.
        tell: Called with where the training is, in words, as it goes on.

    Attributes:
        speeds: Characters per second of each epoch that has ended.
    """

    def __init__(self, characters, tell):
        super().__init__()
        self.characters, self.tell = characters, tell
        self.speeds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._looked, self._marks = epoch, 0.0, [(time.perf_counter(), 0)]

    def on_test_begin(self, logs=None):
        self._look = time.perf_counter()

    def on_test_end(self, logs=None):
        self._looked += time.perf_counter() - self._look

    def on_train_batch_end(self, batch, logs=None):
        steps = self.params["steps"]
        done = min(batch + 1, steps)
        self._marks.append((time.perf_counter() - self._looked, done))
        self.tell(f"epoch {self._epoch + 1}/{self.params['epochs']}, {done / steps:.0%}")

    def on_epoch_end(self, epoch, logs=None):
        (begin, first), (end, last) = self._marks[1 if len(self._marks) > 2 else 0], self._marks[-1]
        self.speeds.append(round(self.characters * (last - first) / (end - begin)))
