"""How long until it runs, and does the length of the window matter?

    python benchmarks/startup.py

The time of `keras-charrnn --help`, of a command that needs TensorFlow, of importing all that `fit` needs, from `fit`
being called to the end of its first step; of a recipe, from the beginning of the training to the end of its tenth step,
and of its first validation; and the steady rate at a long window against that at a short one, with as many characters
and with as many rows in a batch.
"""

import argparse
import functools
import pathlib
import statistics
import subprocess
import sys
import time

import common

PROGRAM = "import sys; sys.argv = ['keras-charrnn', {!r}]; import keras_charrnn.__main__"
STEPS = 10  # of the larger batches: enough for a median


def seconds(code, repeats):
    """Return the median time of a Python program of one line."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return f"{statistics.median(taken):.2f} s"


def main(units, lengths, repeats, recipe):
    short, long = lengths
    sizes = [("lstm", units, 2, 50, min(50, short)), ("lstm", units, 3, 50, long)]
    rows = [[f"keras-charrnn {command}", seconds(PROGRAM.format(command), repeats)] for command in ("--help", "cells")]
    rows += [
        ["import keras_charrnn", seconds("import keras_charrnn", repeats)],
        ["keras_charrnn.fit imported", seconds("import keras_charrnn; keras_charrnn.fit", repeats)],
    ]
    for size in sizes:
        first = common.run("train_ours.py", *size, 2, "auto", 1)["first_step"]
        rows.append([f"first step, {size[2]} x {size[1]}, batch {size[3]}, length {size[4]}", f"{first:.1f} s"])
    starts = [common.run("train_start.py", recipe) for _ in range(repeats)]
    for what, figure in (("ten steps", "first_ten"), ("ten more", "next_ten"), ("the validation", "validation")):
        rows.append([f"{recipe.stem}: {what}", f"{common.median(starts, figure):.2f} s"])
    common.table("Start", ["what", "time"], rows)

    many, few = 200, 200 * short // long

    def train(batch, length):
        steps = STEPS * many * short // (batch * length)
        return common.run("train_ours.py", "lstm", units, 1, batch, length, steps, "auto", 1)

    batches = {"long": (few, long), "as many characters": (many, short), "as many rows": (few, short)}
    results = common.alternate({name: functools.partial(train, *batch) for name, batch in batches.items()}, repeats)
    rates = {name: common.median(each, "characters_per_second") for name, each in results.items()}
    for name in ("as many characters", "as many rows"):
        share = rates["long"] / rates[name]
        print(f"length {long} against length {short}, {name} in a batch, {units} units: {share:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--lengths", nargs=2, type=int, default=(64, 256), help="of a short and a long window")
    parser.add_argument("--repeats", type=int, default=3)
    shakespeare = pathlib.Path(__file__).parents[1] / "recipes" / "shakespeare.yaml"
    parser.add_argument("--recipe", type=pathlib.Path, default=shakespeare, help="whose start is measured")
    options = parser.parse_args()
    main(options.units, options.lengths, options.repeats, options.recipe)
