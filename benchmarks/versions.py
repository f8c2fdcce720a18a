"""Is this version as quick as another one? Two checkouts in turn, each command in a process of its own.

    python benchmarks/versions.py ../keras_charrnn-before

The time of a command that needs TensorFlow, the time and the characters a second of a recipe's training, its loss, and
the time in which its model writes a text. Both are run by this interpreter.
"""

import argparse
import functools
import json
import pathlib
import statistics
import tempfile

import common


def measure(checkout, recipe, overrides, characters):
    """Return the figures of one version."""
    with tempfile.TemporaryDirectory() as folder:
        sets = [word for each in overrides for word in ("--set", each)]
        figures = {
            "a command, s": common.execute(checkout, folder, "cells"),
            "training, s": common.execute(checkout, folder, "train", recipe, "--runs", ".", "--name", "run", *sets),
        }
        run = pathlib.Path(folder, "run-001")
        clock, metrics = (
            [json.loads(line) for line in (run / file).read_text().splitlines()]
            for file in ("timing.jsonl", "metrics.jsonl")
        )
        rates, losses = (  # of whole epochs
            [row[figure] for row in rows if "within" not in row]
            for rows, figure in ((clock, "characters_per_second"), (metrics, "val_loss"))
        )
        figures["characters/s, last epochs"] = statistics.median(rates[1:] or rates)
        figures["validation, nats"] = min(losses)
        length = ("--length", characters, "--seed", 1)
        figures[f"{characters:,} characters, s"] = common.execute(checkout, folder, "sample", run, *length)
    return figures


def main(other, recipe, overrides, characters, repeats):
    versions = {"this": common.ROOT, "other": pathlib.Path(other).resolve()}
    arguments = pathlib.Path(recipe).resolve(), overrides, characters
    contenders = {name: functools.partial(measure, each, *arguments) for name, each in versions.items()}
    found = common.alternate(contenders, repeats)
    rows = []
    for figure in found["this"][0]:
        ours, theirs = (common.median(found[name], figure) for name in versions)
        rows.append([figure, f"{ours:,.4g}", f"{theirs:,.4g}", common.ratio(ours, theirs)])
    columns = ["median", "this", "other", "this / other"]
    common.table(f"{pathlib.Path(recipe).name}, {repeats} alternating runs", columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", help="folder of the other checkout")
    parser.add_argument("--recipe", default=common.ROOT / "recipes" / "shakespeare.yaml")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in training.epochs=2")
    parser.add_argument("--characters", type=int, default=100_000, help="to write")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    main(options.other, options.recipe, options.overrides, options.characters, options.repeats)
