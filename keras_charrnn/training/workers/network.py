"""What of a training's time goes to the network."""

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
    """Times, after the first epoch, sums as large as those of a step, and says what share of a step they take.

    What it finds stands in the run's environment.json too, as `network`: the bytes that a worker sends for a sum, the
    seconds of a sum and of a step, and the share.

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
        self._ticks = []

    def on_train_batch_end(self, batch, logs=None):
        self._ticks.append(time.perf_counter())

    def on_epoch_end(self, epoch, logs=None):
        steps = np.diff(self._ticks)
        if self.told or not len(steps):
            return
        self.told = True
        seconds, step = self._time(), float(np.median(steps))
        found = {
            "bytes": self.collective.bytes,
            "seconds": seconds,
            "step_seconds": step,
            "share": min(1.0, seconds / step),
        }
        if self.collective.rank == 0:
            self._tell(found)

    def _time(self):
        """Return the seconds of a sum as large as a step's, the median of some."""
        vector, seconds = tf.zeros(self.collective.bytes // 4), []
        for _ in range(TRIES):
            began = time.perf_counter()
            self.collective.add(vector).numpy()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    def _tell(self, found):
        environment = self.folder.read_environment()
        write_text(self.folder.environment, json.dumps({**environment, "network": found}, indent=2) + "\n")
        size, seconds, step = found["bytes"] / 1e6, found["seconds"], found["step_seconds"]
        say(
            self.console,
            f"network  {size:.1f} MB a step, {size / seconds:,.0f} MB/s: {seconds * 1e3:.1f} of {step * 1e3:.1f} ms, "
            f"{found['share']:.0%}",
        )
        if found["share"] > MUCH:
            say(
                self.console,
                "Much of a step waits for the network. compute.reduce_precision: bfloat16 halves what is sent; a "
                "larger windows.batch_size or windows.length computes more for each sum; fewer workers send less.",
            )
