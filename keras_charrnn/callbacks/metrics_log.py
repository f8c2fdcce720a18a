"""The metrics of each epoch, in a file."""

import json
import time

import keras

from keras_charrnn.evaluation import bits
from keras_charrnn.runs import write_text


class MetricsLog(keras.callbacks.Callback):
    """Keeps a file with a line of JSON for each epoch that has ended.

    A line has `epoch` (from 1), `step` (of the optimizer), `seconds` (since the start of training), and the metrics of
    Keras: `loss` and `val_loss` in nats per character, the same as `bits_per_character` and `val_bits_per_character`,
    `learning_rate`, `gradient_norm`, `clipped` (share of steps) and `characters_per_second` (of training alone).

    Args:
        path: Of the file.
        characters: Targets in an epoch.
    """

    def __init__(self, path, characters):
        super().__init__()
        self.path, self.characters = path, characters
        self.rows = []

    def on_train_begin(self, logs=None):
        self._started = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_started, self._trained = time.perf_counter(), None

    def on_test_begin(self, logs=None):
        self._trained = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: float(value) for name, value in (logs or {}).items()}
        now = time.perf_counter()
        trained = (self._trained or now) - self._epoch_started
        row = {"epoch": epoch + 1, "step": int(self.model.optimizer.iterations), **logs}
        row["bits_per_character"] = bits(logs["loss"])
        if "val_loss" in logs:
            row["val_bits_per_character"] = bits(logs["val_loss"])
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        row["characters_per_second"] = round(self.characters / trained)
        row["seconds"] = round(now - self._started, 3)
        self.rows.append(row)
        write_text(self.path, "".join(json.dumps(each) + "\n" for each in self.rows))
