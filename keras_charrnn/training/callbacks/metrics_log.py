"""The metrics of a training, in two files: what is the same whenever a run is repeated, and what the clock says."""

import json
import time

import tensorflow as tf

from keras_charrnn.common.files import write_text
from keras_charrnn.model.evaluation import bits
from keras_charrnn.runs.records import PART, WHOLE, WITHIN, in_bits
from keras_charrnn.training.callbacks.speed import Speed


class MetricsLog(Speed):
    """Keeps two files with a line of JSON for each epoch that has ended, and for whatever is told within one.

    In the first a line has `epoch` (from 1), `step` (windows so far), and the metrics of Keras: `loss` and `val_loss`
    in nats per character, the same as `bits_per_character` and `val_bits_per_character`, `learning_rate`,
    `gradient_norm` and `clipped` (share of steps), and `went_back` and `continued` where they are not 0. In the second,
    `epoch`, `characters_per_second` (of training alone) and `seconds` (of training so far, with those before an
    interruption).
    A line within an epoch also has `within`, the share of the epoch that is over, and its metrics are those since the
    last such line; `val_part_loss` is of a part of the validation data.

    Args:
        path, timing: Of the files.
        characters: Targets in an epoch.
        went_back: How often the training has diverged and gone back so far.
        tensorboard: Folder of a log for TensorBoard with what is told within epochs, by steps; None for none.
        continued: Windows after which a run that had finished went on; 0 for none.
    """

    memory = ("rows", "clock", "seconds")

    def __init__(self, path, timing, characters, went_back=0, tensorboard=None, continued=0):
        super().__init__(characters)
        self.continued = continued
        self.went_back, self.tensorboard, self._writer = went_back, tensorboard, None
        self.path, self.timing = path, timing
        self.rows, self.clock, self.seconds = [], [], 0.0

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
        self._add({"epoch": epoch + 1, "step": int(self.model.windows_done)}, logs or {})

    def add(self, epoch, share, logs):
        """Add a line within an epoch, at a share of it that is over."""
        place = {"epoch": epoch + 1, "step": int(self.model.windows_done), WITHIN: share}
        self._add(place, logs)
        if self.tensorboard is not None:
            self._write_summary(place["step"], {name: self.rows[-1][name] for name in self.rows[-1].keys() - place})

    def _add(self, place, logs):
        row = {**place, **{name: float(value) for name, value in logs.items()}}
        row |= {in_bits(name): bits(row[name]) for name in ("loss", WHOLE, PART) if name in row}
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.went_back:
            row["went_back"] = self.went_back
        if self.continued:
            row["continued"] = self.continued
        self.rows.append(row)
        self.clock.append({**place, **self._read_clock()})
        for path, rows in ((self.path, self.rows), (self.timing, self.clock)):
            write_text(path, "".join(json.dumps(each) + "\n" for each in rows))

    def _read_clock(self):
        self.seconds = time.perf_counter() - self._started
        return {
            "characters_per_second": round(self.characters_per_second()),
            "seconds": round(self.seconds, 3),
        }

    def _write_summary(self, step, figures):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.tensorboard))
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
        self._writer.flush()
