"""Characters to ids and back."""

import numpy as np

from keras_charrnn.errors import VocabularyError
from keras_charrnn.text.vocabularies.base import (
    REPLACEMENT,
    UnitVocabulary,
    missing,
    place_of,
    register_vocabulary,
    require_policy,
    require_text,
)


@register_vocabulary("character")
class Vocabulary(UnitVocabulary):
    """The V symbols of a model: Unicode code points in sorted order, the id of each its place.

    Args:
        symbols: The characters, in any order, each at least once.
        unknown: What `encode` does with a character that is not among them: "error", "drop" it, or "replace" it by
            U+FFFD, which is then a symbol too.
        added: Further characters, whose ids come after those of all others, in their order: see `with_added`.

    Raises:
        VocabularyError: If there are fewer than two symbols, or `unknown` is none of the three.
    """

    def __init__(self, symbols, unknown="error", added=""):
        require_policy(unknown)
        seen = np.zeros(0x110000, dtype=bool)  # far faster than sorting a corpus
        seen[_code_points(symbols)] = True
        points = np.flatnonzero(seen)
        if len(points) < 2:
            raise VocabularyError(
                f"a text of at least 2 different characters is needed; this one has {len(points)} to be symbols"
                + (f", {symbols[0]!r}" if len(points) else "")
            )
        further = [point for point in dict.fromkeys(map(ord, added)) if not seen[point]]
        if unknown == "replace" and ord(REPLACEMENT) not in further:
            points = np.union1d(points, [ord(REPLACEMENT)])
        self.unknown, self.added = unknown, "".join(map(chr, further))
        points = np.concatenate([points, np.asarray(further, points.dtype)])
        self.symbols = "".join(map(chr, points))
        self.lengths = np.ones(len(points), np.int64)
        self._points = points.astype("<u4")
        # One look-up table over all code points up to the last symbol's. len(points) marks those that are not in it.
        self._table = np.full(int(points.max()) + 2, len(points), dtype=np.min_scalar_type(len(points)))
        self._table[points] = np.arange(len(points))
        # And one over the bytes of a text of ASCII, far faster.
        few = len(points) < 256
        self._translation = bytes(self._look_up(np.arange(128)).astype(np.uint8)) + bytes(128) if few else None

    @classmethod
    def of(cls, text, unknown="error"):
        """Return the vocabulary of all characters in `text`, a str."""
        return cls(text, unknown)

    @classmethod
    def from_text(cls, text, unknown="error", min_count=1, most=None):
        """Return the vocabulary of a `corpora.Text`.

        Args:
            text: The text.
            unknown: As above.
            min_count: How often a character must occur in it at least.
            most: How many symbols it has at most, the most frequent ones; None for all.
        """
        kept = text.counts >= min_count
        if most is not None and np.count_nonzero(kept) > most:
            kept[np.argsort(np.where(kept, -text.counts, 0), kind="stable")[most:]] = False
        return cls(text.symbols[kept].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"), unknown)

    def with_added(self, symbols, unknown="error"):
        new = "".join(sorted({*symbols, *(REPLACEMENT if unknown == "replace" else "")} - {*self.symbols}))
        first = self.symbols.removesuffix(self.added) if self.added else self.symbols
        return Vocabulary(first, unknown, self.added + new)

    def tally(self, text, parts):
        ids, tally = self._look_up(text.symbols), np.zeros(len(self) + 1, np.int64)  # which reads nothing
        np.add.at(tally, ids, text.counts)
        if self.unknown == "replace":
            tally[self.symbols.index(REPLACEMENT)] += tally[-1]
        return tally[:-1]

    @property
    def is_of_characters(self):
        return True

    def knows(self, text):
        """Return for each character of a text whether it is a symbol: an array of bool."""
        return self._look_up(_code_points(text)) != len(self)

    def encode(self, text, what="the text", characters=0, line=1):
        require_text(text, what)
        if self._translation is not None and text.isascii():
            ids = np.frombuffer(bytearray(text, "ascii").translate(self._translation), np.uint8)
        else:
            ids = self._look_up(_code_points(text))
        lacking = ids == len(self)
        if lacking.any():
            if self.unknown == "error":
                index = int(np.argmax(lacking))
                place = place_of(text, index, characters, line)
                raise missing(text[index], place, int(lacking.sum()), what, len(self))
            if self.unknown == "drop":
                ids = ids[~lacking]
            else:
                ids[lacking] = self.symbols.index(REPLACEMENT)
        return ids.astype(self.dtype, copy=False)

    def decode(self, ids):
        return self._points[np.asarray(ids, dtype=np.int64)].tobytes().decode("utf-32-le", "surrogatepass")

    def get_config(self):
        if not self.added:
            return {"symbols": self.symbols, "unknown": self.unknown}
        return {"symbols": self.symbols.removesuffix(self.added), "unknown": self.unknown, "added": self.added}

    def _look_up(self, points):
        """Return the ids of code points, with V for one that is no symbol."""
        return self._table[np.minimum(points, len(self._table) - 1)]


def _code_points(text):
    # A lone surrogate is no character, but a str may hold one, and an error about it must be ours.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
