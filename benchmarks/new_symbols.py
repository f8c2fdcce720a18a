"""What should the symbols begin with that a model does not know when it goes on with another text?

    python benchmarks/new_symbols.py

A model learns names of Python's standard library. It goes on, for one epoch, with names of which every second has ten
of its commonest letters in Greek. A new symbol begins with the mean of the known ones and noise, whose spread is given
in units of theirs: 0 is the mean alone. "from nothing" is a new model, trained as long. Losses in nats per character,
of the last tenth of the text.
"""

import argparse
import os
import pathlib
import statistics
import tempfile

import common
import rich.console

import keras_charrnn
from keras_charrnn.model import starting
from keras_charrnn.text import corpora

GREEK = str.maketrans("aeiounrstl", "αειουνρστλ")
RECIPE = {
    "windows": {"batch_size": 16, "length": 32},
    "model": {"cell": "rms_norm_lstm", "units": 128, "embedding": 64},
    "training": {"optimizer": {"name": "muon", "learning_rate": 0.015}, "schedule": "cosine", "clip_norm": 1.0},
    "samples": {"every_epochs": 0},
}
QUIET = rich.console.Console(quiet=True)


def texts(size):
    """Return a text, and one of further names, half of them with letters that the first has not."""
    lines = corpora.load("python_names", max_bytes=size).text.split("\n")
    half = len(lines) // 2
    further = [line.translate(GREEK) if index % 2 else line for index, line in enumerate(lines[half:])]
    return "\n".join(lines[:half]), "\n".join(further)


def main(spreads, seeds, size, overrides):
    overrides = dict(map(keras_charrnn.recipe.parse_override, overrides))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, text in zip(("known", "further"), texts(size), strict=True):
            pathlib.Path(f"{name}.txt").write_text(text)
        base = {**RECIPE, "corpus": {"path": "known.txt"}}
        model = keras_charrnn.fit(base, {"training.epochs": 6, **overrides}, console=QUIET).folder.absolute()
        nothing = {**RECIPE, "corpus": {"path": "further.txt"}}
        further = {**nothing, "model": {}, "start": {"from": str(model)}}
        rate = RECIPE["training"]["optimizer"]["learning_rate"] / 3
        for spread in (None, *spreads):
            recipe, more = (nothing, {}) if spread is None else (further, {"training.optimizer.learning_rate": rate})
            more |= {"training.epochs": 1, **(overrides if spread is None else {})}
            starting.SPREAD = spread
            found = []
            for seed in range(seeds):
                run = keras_charrnn.fit(recipe, {**more, "compute.seed": seed}, console=QUIET)
                found.append(run.metrics["val_loss"])
            shown = "from nothing" if spread is None else f"{spread:g}"
            rows.append((shown, f"{statistics.mean(found):.4f}", f"{max(found) - min(found):.4f}"))
        os.chdir(common.ROOT)
    common.table(f"After one epoch, mean of {seeds} seeds", ("spread", "nats", "largest minus smallest"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.0, 0.1, 0.3, 1.0, 2.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=200_000, help="bytes of both texts together")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in model.units=8")
    main(**vars(parser.parse_args()))
