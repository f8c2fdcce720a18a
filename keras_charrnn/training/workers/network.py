"""What of a training's time goes to the sums of its workers, by the network or by memory that they share."""

import json
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.common.files import write_text
from keras_charrnn.common.screen import say

TRIES = 7  # sums that are timed
MUCH = 0.3  # share of a step from which on there is advice


class Network(keras.callbacks.Callback):
    """Says, after the first epoch, what share of a step the sums take.

    That is what a worker waits for them when it has computed all of its own, and what they take of the processor before
    then. It stands in the run's environment.json too, as `network`, with by what the sums are made, the bytes of a
    step, and the seconds of so large a sum by itself and of a step.

    Args:
        collective: The group's `Collective`.
        folder: The `RunFolder`.
        console: A `rich.console.Console`.
    """

    memory = ("told",)

    def __init__(self, collective, folder, console):
        super().__init__()
        self.collective, self.folder, self.console, self.told = collective, folder, console, False

    def on_epoch_begin(self, epoch, logs=None):
        self._ticks, self._waited = [], []

    def on_train_batch_end(self, batch, logs=None):
        self._ticks.append(time.perf_counter())
        self._waited.append(self.collective.waited)

    def on_epoch_end(self, epoch, logs=None):
        steps = np.diff(self._ticks)
        if self.told or not len(steps):
            return
        self.told = True
        waited, step = (float(np.median(each)) for each in (self._waited, steps))
        seconds, busy = self._time()
        hidden = max(0.0, 1 - waited / seconds)  # the part of a sum that goes on while this worker computes
        found = {
            "by": self.collective.sums.by,
            "bytes": self.collective.bytes,
            "seconds": seconds,
            "step_seconds": step,
            "share": min(1.0, (waited + hidden * busy) / step),
        }
        if self.collective.rank == 0:
            self._tell(found)

    def _time(self):
        """Return the seconds of a sum as large as a step's, by itself, and those of the processor; medians of some."""
        vector, seconds = tf.zeros(self.collective.bytes // 4), []
        for _ in range(TRIES):
            began, busy = time.perf_counter(), time.process_time()
            self.collective.sums.add(vector).numpy()
            seconds.append((time.perf_counter() - began, time.process_time() - busy))
        return map(statistics.median, zip(*seconds, strict=True))

    def _tell(self, found):
        environment = self.folder.read_environment()
        write_text(self.folder.environment, json.dumps({**environment, "network": found}, indent=2) + "\n")
        by, size, seconds = found["by"], found["bytes"] / 1e6, found["seconds"]
        say(
            self.console,
            f"{by:<8} {size:.1f} MB a step, by themselves in {seconds * 1e3:.1f} ms: {found['share']:.0%} of a step",
        )
        if found["share"] > MUCH:
            halved = "compute.reduce_precision: bfloat16 halves what is sent; a" if by == "network" else "A"
            say(
                self.console,
                f"Much of a step waits for the {by}. {halved} larger windows.batch_size or windows.length computes "
                "more for each sum; fewer workers send less.",
            )
