"""Contender: keras_charrnn in generation. UNITS LAYERS CHARACTERS"""

import statistics
import sys
import time

import contender

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.engine import compute

SYMBOLS = "".join(map(chr, range(32, 32 + 65)))
PREFIX = 1000  # characters of a long one


def rate(make, characters):
    """Return characters a second, the median of five after a first that compiles."""
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        make()
        seconds.append(time.perf_counter() - began)
    return characters / statistics.median(seconds[1:])


def main(units, layers, characters):
    compute.prepare()
    model = CharRNN(Vocabulary(SYMBOLS), "lstm", units, layers)
    few = max(20, characters // 10)
    rules = {"pattern": "([A-Z][a-z]{1,9}[ ,.])*[A-Za-z]*"}
    prefixes = ["A" * (1 + 7 * number % 100) for number in range(64)]
    settings = {"length": few, "seed": 1}
    contender.report(
        one=rate(lambda: model.generate("A", characters, seed=1), characters),
        streamed=rate(lambda: "".join(model.stream("A", characters, seed=1)), characters),
        many=rate(lambda: model.generate("A", few, num_samples=64, seed=1), 64 * few),
        ruled=rate(lambda: model.generate("A", characters, seed=1, **rules), characters),
        many_ruled=rate(lambda: model.generate("A", few, num_samples=64, seed=1, **rules), 64 * few),
        told=rate(lambda: model.samples(["A"], num_samples=64, **settings), 64 * few),
        prefixes=rate(lambda: model.samples(prefixes, **settings), 64 * few),
        prefix=rate(lambda: model.generate("A" * PREFIX, 1, seed=1), PREFIX),
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
