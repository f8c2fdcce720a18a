"""How long until it runs, and does the length of the window matter?

    python benchmarks/startup.py

The time of `keras-charrnn --help`, of importing all that `fit` needs, from `fit` being called to the end of its first
report (10 steps), and the steady rate at windows of 64 and of 256 with as many characters in a batch.
"""

import argparse
import functools
import statistics
import subprocess
import sys
import time

import common


def seconds(code, repeats):
    """Return the median time of a Python program of one line."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return f"{statistics.median(taken):.2f} s"


def main(units, small, repeats):
    sizes = [("lstm", units, 2, 50, 50)] if small else [("lstm", units, 2, 50, 50), ("lstm", units, 3, 50, 256)]
    rows = [
        [
            "keras-charrnn --help",
            seconds("import sys; sys.argv = ['k', '--help']; import keras_charrnn.__main__", repeats),
        ],
        ["import keras_charrnn", seconds("import keras_charrnn", repeats)],
        ["import keras_charrnn.training", seconds("import keras_charrnn.training", repeats)],
    ]
    for size in sizes:
        first = common.run("train_ours.py", *size, 20, "auto")["first_step"]
        rows.append([f"first step, {size[2]} x {size[1]}, batch {size[3]}, length {size[4]}", f"{first:.1f} s"])
    common.table("Start", ["what", "time"], rows)
    steps = max(20, 20_000 // units)

    def train(length):
        return common.run("train_ours.py", "lstm", units, 1, 12_800 // length, length, steps, "auto")

    contenders = {length: functools.partial(train, length) for length in (64, 256)}
    results = common.alternate(contenders, repeats)
    short, long = (common.median(results[length], "characters_per_second") for length in (64, 256))
    print(f"length 256 against length 64, 12,800 characters a batch, {units} units: {long / short:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--small", action="store_true", help="leave out the longest window")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    main(options.units, options.small, options.repeats)
