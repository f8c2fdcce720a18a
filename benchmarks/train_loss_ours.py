"""Contender: keras_charrnn on a recipe, with its validation loss by time. DATA RECIPE RUNS STEPS EVERY"""

import io
import sys

import keras
import numpy as np
import rich.console
from train_curve import Curve
from train_text import Stop

import keras_charrnn


class Watch(keras.callbacks.Callback):
    """Measures the loss as training goes on; what Keras takes for its own validation is off the clock too."""

    def __init__(self, validation, every):
        super().__init__()
        self.validation, self.every = validation, every

    def on_train_begin(self, logs=None):
        self.curve = Curve(self.every)

    def on_train_batch_end(self, batch, logs=None):
        self.curve.step(int(self.model.windows_done), self.measure)

    def on_test_begin(self, logs=None):
        self.before_test = self.curve.seconds

    def on_test_end(self, logs=None):
        self.curve.leave_out(self.curve.seconds - self.before_test)

    def on_train_end(self, logs=None):
        self.seconds = self.curve.seconds
        self.curve.step(int(self.model.windows_done), self.measure, last=True)

    def measure(self):
        return float(np.mean(np.concatenate([*self.model.scorer.surprise(self.validation)]), dtype=np.float64))


def main(data, recipe, runs, steps, every):
    watch = Watch(np.load(data)["validation"], int(every))
    used = [watch, *([Stop(int(steps))] if int(steps) else [])]
    console = rich.console.Console(file=io.StringIO())
    keras_charrnn.fit(recipe, {"samples.every_epochs": 0}, runs, callbacks=used, console=console)
    watch.curve.report(seconds=watch.seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
