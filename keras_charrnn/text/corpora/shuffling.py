"""Documents in random order, a small part of them in memory at a time."""

import itertools
import pathlib
import tempfile

import numpy as np

FILES = 64  # into which documents are dealt; about so small a part of them is in memory at once
LENGTH = 8  # bytes in which the size of a document stands before it


def shuffle(documents, seed):
    """Yield documents in an order that a seed decides.

    Each goes into one of some files, drawn at random, and these are read one after another, each put in random order in
    memory. Every order is as likely as any other.

    Args:
        documents: Iterable of str.
        seed: A whole number.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, f"{number}") for number in range(FILES)]
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
