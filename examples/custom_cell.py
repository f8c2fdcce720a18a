"""A cell of one's own: a long short-term memory whose forget gate decides what comes in too, trained in seconds.

    python examples/custom_cell.py

The class below is all there is to write. It trains as fast as the built-in cells, and is saved with the model.
"""

import argparse

from keras import ops

import keras_charrnn


@keras_charrnn.register_cell("coupled_lstm")
class CoupledLSTM(keras_charrnn.GatedCell):
    """c' = f c + (1 - f) tanh(g),  h' = o tanh(c')."""

    gates = ("forget", "output", "candidate")
    states = ("h", "c")

    def combine(self, zx, zr, states):
        f, o, g = ops.split(zx + zr, 3, axis=-1)
        f = ops.sigmoid(f)
        c = f * states["c"] + (1 - f) * ops.tanh(g)
        return {"h": ops.sigmoid(o) * ops.tanh(c), "c": c}


RECIPE = {
    "name": "custom-cell",
    "corpus": {"name": "python_stdlib", "max_bytes": 750_000},
    "windows": {"batch_size": 32, "length": 64},
    "model": {"cell": "coupled_lstm", "units": 192, "embedding": 48},
    "training": {"epochs": 3, "optimizer": {"name": "adamw", "learning_rate": 0.005}, "clip_norm": 1.0},
    "samples": {"every_epochs": 3, "prefix": "def ", "temperatures": [0.5]},
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in model.units=64")
    options = parser.parse_args()
    keras_charrnn.fit(RECIPE, dict(map(keras_charrnn.recipe.parse_override, options.overrides)))
