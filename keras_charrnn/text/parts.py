"""The splits of a text: shares of it, or files of their own."""

import itertools

import numpy as np

from keras_charrnn.text.encoding import encode
from keras_charrnn.text.vocabularies.base import AT_ONCE
from keras_charrnn.text.windows import split

SPLITS = ("train", "validation", "test")


def encode_parts(text, vocabulary, shares, progress=None):
    """Return the ids of each split of a text, {"train": ids, "validation": ids, "test": ids}; some may be empty.

    Args:
        text, vocabulary, progress: As of `encoding.encode`.
        shares: Of the three, in this order. A split that the text has `apart` takes none: that is trained on.
    """
    shares = dict(zip(SPLITS, shares, strict=True))
    for name in text.apart:
        shares["train"] = round(shares["train"] + shares.pop(name), 10)
    ids, cuts = encode(text, vocabulary, progress), [*shares.values()]
    parts = split(ids, cuts) if vocabulary.is_of_characters else _split(ids, cuts, vocabulary)
    parts = dict(zip(shares, parts, strict=True)) | {
        name: encode(each, vocabulary) for name, each in text.apart.items()
    }
    return {name: parts[name] for name in SPLITS}


def beginning(ids, characters, vocabulary):
    """Return the first ids of a text, which stand for so many characters, or for a few more where a symbol goes on."""
    return ids[: characters if vocabulary.is_of_characters else _places(ids, [characters], vocabulary)[0]]


def _split(ids, shares, vocabulary):
    """Cut ids where `windows.split` would cut the characters that they stand for, or at the next symbol that begins."""
    places = _places(ids, np.cumsum([0, *map(len, split(range(vocabulary.characters(ids)), shares))]), vocabulary)
    places[0] = 0
    return [ids[begin:end] for begin, end in itertools.pairwise(places)]


def _places(ids, ends, vocabulary):
    """Return how many ids stand before each of some places, in characters and in order, an array of integers."""
    places, before = np.zeros(len(ends), np.int64), 0
    for begin in range(0, len(ids), AT_ONCE):
        if before > ends[-1]:
            break
        lengths = vocabulary.lengths[np.asarray(ids[begin : begin + AT_ONCE])]
        ended = before + np.cumsum(lengths)
        # A symbol goes before a cut if it begins before it; one of no length with that which it goes on with.
        places += np.searchsorted(ended - lengths - (lengths == 0), ends)
        before = int(ended[-1])
    return places
