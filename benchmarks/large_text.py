"""Does a large text need more memory than a small one, and how fast is it made ready?

    python benchmarks/large_text.py

Trains on two texts, made by repeating and perturbing Python's standard library, for the same number of steps. The
preparation is all that happens before the first step: two passes over the text, its checksum, its vocabulary, its ids
into a file, and the model.
"""

import argparse
import pathlib
import tempfile

import common
import numpy as np

from keras_charrnn.text import corpora


def write(path, megabytes):
    """Write a text of some size: the same again and again, with one character in a hundred another one."""
    text = np.frombuffer(corpora.load("python_stdlib").text.encode("ascii", "ignore"), np.uint8)
    rng, left = np.random.default_rng(0), megabytes * 1_000_000
    with path.open("wb") as file:
        while left:
            piece = text[:left].copy()
            places = rng.integers(0, len(piece), len(piece) // 100)
            piece[places] = rng.permutation(piece[places])
            file.write(piece)
            left -= len(piece)


def main(megabytes, steps):
    rows, baseline = [], None
    for size in megabytes:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "text.txt")
            write(path, size)
            found = common.run("train_text.py", path, folder, steps, environment={"KERAS_CHARRNN_CACHE": folder})
        seconds, peak = found["preparation_seconds"], found["peak_megabytes"]
        baseline = baseline or peak
        rows.append([f"{size:,} MB", f"{seconds:.1f} s", f"{size / seconds:.0f} MB/s", f"{peak:,.0f} MB",
                     f"{peak - baseline:+,.0f} MB"])  # fmt: skip
    common.table("Large texts", ["text", "preparation", "rate", "peak memory", "more than the first"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", nargs="+", type=int, default=(1, 1000))
    parser.add_argument("--steps", type=int, default=5000)
    options = parser.parse_args()
    main(options.megabytes, options.steps)
