"""Trains on a file for some steps, by a recipe, and reports what reading it took; see large_text.py."""

import io
import sys
import time

import contender
import keras
import rich.console

import keras_charrnn


class Stop(keras.callbacks.Callback):
    """Ends a training after some steps, and notes when it began."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_begin(self, logs=None):
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) >= self.steps:
            self.model.stop_training = True


def main(path, runs, steps):
    stop = Stop(int(steps))
    recipe = {
        "corpus": {"path": path, "template": "{text}" if path.endswith(".gz") else None},
        "states": {"reset": "document" if path.endswith(".gz") else "epoch"},
        "split": {"train": 0.99, "validation": 0.0001},
        "model": {"units": 64},
        "training": {"epochs": int(steps)},  # an epoch has a step at least; `Stop` ends the run
        "samples": {"every_epochs": 0},
    }
    began = time.perf_counter()
    keras_charrnn.fit(recipe, runs_dir=runs, callbacks=[stop], console=rich.console.Console(file=io.StringIO()))
    contender.report(preparation_seconds=stop.began - began, peak_megabytes=contender.megabytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
