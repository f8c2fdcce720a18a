"""Does a large text need more memory than a small one, and how fast is it made ready?

    python benchmarks/large_text.py
    python benchmarks/large_text.py --records --megabytes 10 10000

Trains on two texts, made by repeating and perturbing Python's standard library, for the same number of steps. The
preparation is all that happens before the first step: two passes over the text, its checksum, its vocabulary, its ids
into a file, and the model. With --records the text is that of records of JSON Lines, packed by gzip, each a document
whose states start anew; the sizes are those of the text.
"""

import argparse
import gzip
import json
import pathlib
import tempfile

import common
import numpy as np

from keras_charrnn.text import corpora

RECORD = 2000  # characters


def pieces(megabytes):
    """Yield a text of some size, in bytes: the same again and again, with one character in a hundred another one."""
    text = np.frombuffer(corpora.load("python_stdlib").text.encode("ascii", "ignore"), np.uint8)
    rng, left = np.random.default_rng(0), megabytes * 1_000_000
    while left:
        piece = text[:left].copy()
        places = rng.integers(0, len(piece), len(piece) // 100)
        piece[places] = rng.permutation(piece[places])
        yield piece
        left -= len(piece)


def write(path, megabytes, records):
    """Write such a text as it is, or as records."""
    if not records:
        with path.open("wb") as file:
            file.writelines(pieces(megabytes))
        return
    with gzip.open(path, "wt", encoding="ascii", compresslevel=1) as file:
        for piece in pieces(megabytes):
            text = piece.tobytes().decode("ascii")
            for begin in range(0, len(text), RECORD):
                file.write(json.dumps({"text": text[begin : begin + RECORD]}) + "\n")


def main(megabytes, steps, records):
    rows, baseline = [], None
    for size in megabytes:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "text.jsonl.gz" if records else "text.txt")
            write(path, size, records)
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
    parser.add_argument("--records", action="store_true", help="of packed JSON Lines, in place of a plain text")
    options = parser.parse_args()
    main(options.megabytes, options.steps, options.records)
