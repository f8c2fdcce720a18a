"""Documents in random order, of however many, in little memory."""

import itertools
import pathlib
import tempfile

import numpy as np

SIZE = 2**26  # bytes of documents that are put in order in memory at once
LENGTH = 8  # bytes in which the size of a document stands before it


def shuffle(documents, seed, size):
    """Yield documents in an order that a seed decides.

    Each goes into one of some files, drawn at random, and these are read one after another, each put in random order in
    memory. Every order is as likely as any other.

    Args:
        documents: Iterable of str.
        seed: A whole number.
        size: About how many bytes they have together.
    """
    rng, count = np.random.default_rng(seed), 1 + size // SIZE
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, f"{number}") for number in range(count)]
        _deal(documents, paths, rng)
        for path in paths:
            found = [*_read(path)]
            for place in rng.permutation(len(found)):
                yield found[place].decode()


def _deal(documents, paths, rng):
    """Write each document to one of some files."""
    files = [path.open("wb") for path in paths]
    try:
        for document in documents:
            data = document.encode()
            files[rng.integers(len(files))].write(len(data).to_bytes(LENGTH, "little") + data)
    finally:
        for file in files:
            file.close()


def _read(path):
    """Yield the documents of such a file, as bytes."""
    with path.open("rb") as file:
        for length in itertools.takewhile(bool, iter(lambda: file.read(LENGTH), None)):
            yield file.read(int.from_bytes(length, "little"))
