"""The metrics of each epoch, in two files: what is the same whenever a run is repeated, and what the clock says."""

import json
import time

from keras_charrnn.common.files import write_text
from keras_charrnn.model.evaluation import bits
from keras_charrnn.training.callbacks.speed import Speed


class MetricsLog(Speed):
    """Keeps two files with a line of JSON for each epoch that has ended.

    In the first a line has `epoch` (from 1), `step` (windows so far), and the metrics of Keras: `loss` and `val_loss`
    in nats per character, the same as `bits_per_character` and `val_bits_per_character`, `learning_rate`,
    `gradient_norm` and `clipped` (share of steps), and `went_back` where that is not 0. In the second, `epoch`,
    `characters_per_second` (of training alone) and `seconds` (of training so far, with those before an interruption).

    Args:
        path, timing: Of the files.
        characters: Targets in an epoch.
        went_back: How often the training has diverged and gone back so far.
    """

    memory = ("rows", "clock", "seconds")

    def __init__(self, path, timing, characters, went_back=0):
        super().__init__(characters)
        self.went_back = went_back
        self.path, self.timing = path, timing
        self.rows, self.clock, self.seconds = [], [], 0.0

    @property
    def history(self):
        """Both files' lines in one: a list of mappings."""
        return [{**row, **clock} for row, clock in zip(self.rows, self.clock, strict=True)]

    def on_train_begin(self, logs=None):
        self._started = None  # until it is known how many seconds a checkpoint remembers

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if self._started is None:
            self._started = time.perf_counter() - self.seconds

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.seconds = time.perf_counter() - self._started

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, "step": int(self.model.windows_done), **logs}
        row["bits_per_character"] = bits(logs["loss"])
        if "val_loss" in logs:
            row["val_bits_per_character"] = bits(logs["val_loss"])
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.went_back:
            row["went_back"] = self.went_back
        self.rows.append(row)
        self.clock.append(self._read_clock(epoch))
        for path, rows in ((self.path, self.rows), (self.timing, self.clock)):
            write_text(path, "".join(json.dumps(each) + "\n" for each in rows))

    def _read_clock(self, epoch):
        self.seconds = time.perf_counter() - self._started
        return {
            "epoch": epoch + 1,
            "characters_per_second": round(self.characters_per_second()),
            "seconds": round(self.seconds, 3),
        }
