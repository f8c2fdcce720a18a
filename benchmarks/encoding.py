"""How fast does a text become ids?

    python benchmarks/encoding.py

Megabytes of UTF-8 a second, medians of five: the vocabulary of a text, and its ids.
"""

import argparse
import statistics
import time

import common

from keras_charrnn import Vocabulary
from keras_charrnn.text import corpora


def rate(function, size):
    """Return megabytes a second."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return f"{size / statistics.median(seconds) / 1e6:,.0f} MB/s"


def main(megabytes):
    text = corpora.load("python_stdlib").text
    text = text * (1 + megabytes * 1_000_000 // len(text))
    size, vocabulary = len(text.encode()), Vocabulary.of(text)
    rows = [
        ["vocabulary", rate(lambda: Vocabulary.of(text), size)],
        ["ids", rate(lambda: vocabulary.encode(text), size)],
        ["both", rate(lambda: Vocabulary.of(text).encode(text), size)],
    ]
    common.table(f"Encoding, {size / 1e6:.0f} MB", ["what", "rate"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20)
    main(parser.parse_args().megabytes)
