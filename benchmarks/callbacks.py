"""What do the callbacks of a training cost: checkpoints, samples, the model's file, the lines of the metrics?

    python benchmarks/callbacks.py

Trains a recipe, by default the Shakespeare run, all of it as `keras-charrnn train` does, with a clock around each
callback's methods.
"""

import argparse
import functools
import io
import pathlib
import tempfile
import time

import common
import keras
import rich.console

from keras_charrnn import fit
from keras_charrnn.recipe.overrides import parse_override
from keras_charrnn.training import callbacks

RECIPE = pathlib.Path(__file__).parents[1] / "recipes" / "shakespeare.yaml"


class Clock:
    """Adds up the seconds that the methods of callbacks take, by class."""

    def __init__(self):
        self.seconds, self.calls = {}, {}

    def watch(self, cls):
        """Put this clock around every method of a class that Keras calls."""
        for name in dir(keras.callbacks.Callback):
            if name.startswith("on_") and getattr(cls, name) is not getattr(keras.callbacks.Callback, name):
                setattr(cls, name, self._timed(cls.__name__, getattr(cls, name)))

    def _timed(self, label, method):
        @functools.wraps(method)
        def timed(*args, **kwargs):
            start = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.seconds[label] = self.seconds.get(label, 0.0) + time.perf_counter() - start
                self.calls[label] = self.calls.get(label, 0) + 1

        return timed


def main(recipe, overrides):
    clock = Clock()
    classes = [getattr(callbacks, name) for name in callbacks.__all__]
    for cls in (*classes, keras.callbacks.ModelCheckpoint):
        clock.watch(cls)
    with tempfile.TemporaryDirectory() as place:
        run = fit(recipe, overrides, runs_dir=place, console=rich.console.Console(file=io.StringIO()))
        whole = run.history[-1]["seconds"]
    rows = [
        [name, f"{clock.calls[name]:,}", f"{seconds:.2f}", f"{seconds / whole:.2%}"]
        for name, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1])
    ]
    others = sum(seconds for name, seconds in clock.seconds.items() if name != "Samples")
    rows.append(["all but Samples", "", f"{others:.2f}", f"{others / whole:.2%}"])
    common.table(f"Callbacks in {whole:.0f} s of training", ["callback", "calls", "seconds", "share"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default=RECIPE)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in training.epochs=1")
    options = parser.parse_args()
    main(options.recipe, dict(map(parse_override, options.set)))
