"""How much of a text repeats another, of any length, word for word: what a model has learned by heart.

The other text is read once, in pieces, in an amount of memory that depends on their size alone. All windows of one
length of a piece are hashed at once, by a polynomial modulo 2**64 (R. Karp and M. Rabin, Efficient randomized
pattern-matching algorithms, 1987), and looked up among those of the text; what is found there is compared, so that the
answer is exact. The length of the longest repetition only grows: a piece that has nothing longer costs one such pass.
"""

import dataclasses

import numpy as np

PIECE = 50  # characters: a line or a long sentence, which chance repeats only where the text is full of it
BLOCK = 2**18  # characters of the other text that are looked at together; their numbers stay in the processor's cache
BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
SPREAD = 6  # bits by which the table of hashes is larger than it need be: most of what is not there is seen at once
MOST_BITS = 26


@dataclasses.dataclass(frozen=True)
class Memorization:
    """What of a text stands in another.

    Attributes:
        longest: The longest piece of the text that stands in the other; "" where they have no character in common.
        share: Share of all pieces of 50 characters of the text that stand in the other, overlapping ones included;
            None for a text with none.
    """

    longest: str
    share: float | None

    @property
    def length(self):
        """The characters of the longest piece."""
        return len(self.longest)

    def __str__(self):
        shown = self.longest if self.length <= 2 * PIECE else f"{self.longest[:PIECE]} … {self.longest[-PIECE:]}"
        share = "" if self.share is None else f"; of all pieces of {PIECE} characters it has {self.share:.1%}"
        return f"the longest piece that the training text has too is {shown!r}, {self.length} characters{share}"

    def to_mapping(self):
        """Return the figures as plain values."""
        return {"length": self.length, "longest": self.longest, "share": self.share}


def memorization(text, corpus):
    """Measure how much of a text stands in another word for word, exactly.

    The corpus is read once, in pieces, so that the memory does not depend on its length.

    Args:
        text: A str, or several, none of whose pieces goes on from one to the next.
        corpus: What it may repeat: a str, a `corpora.Text`, or an iterable of str that together are the text.

    Returns:
        A `Memorization`.
    """
    texts = [text] if isinstance(text, str) else list(text)
    pieces = [corpus] if isinstance(corpus, str) else corpus.pieces() if hasattr(corpus, "pieces") else corpus
    search, before = _Search(texts), ""
    for piece in pieces:
        for begin in range(0, len(piece), BLOCK):
            block = before + piece[begin : begin + BLOCK]
            search.look(block)
            # What is longer than all that has been found, and begins before the next block, begins in here.
            before = block[-max(len(search.longest), PIECE - 1) :]
    return Memorization(search.longest, search.share())


class _Search:
    """What has been found of some texts so far.

    Attributes:
        longest: The longest piece.
    """

    def __init__(self, texts):
        self.longest, self._texts = "", texts
        self._most = max(map(len, texts), default=0)
        self._powers = _Powers()
        self._pieces = [each[i : i + PIECE] for each in texts for i in range(len(each) - PIECE + 1)]
        self._missing = set(self._pieces)
        self._table, self._longer = self._table_of(self._missing), (0, None)

    def share(self):
        """Return the share of the pieces of 50 characters that have been found; None where the texts have none."""
        return sum(each not in self._missing for each in self._pieces) / len(self._pieces) if self._pieces else None

    def look(self, block):
        """Look for longer pieces, and for those of 50 characters, in a part of the other text."""
        hashes = self._powers.hashes(block)
        low, high, step = len(self.longest), min(self._most, len(block)) + 1, 1
        while low + 1 < high:  # ordinarily not even one character more, else in doubling steps, then halves
            middle = min(low + step, (low + high) // 2)
            if piece := self._common(hashes, block, middle):
                self.longest, low, step = piece, middle, 2 * step
            else:
                high = middle
        if self._missing and len(block) >= PIECE:
            places = self._table.find(hashes(PIECE)).tolist()
            if found := self._missing.intersection(block[i : i + PIECE] for i in places):
                self._missing -= found
                self._table = self._table_of(self._missing)

    def _common(self, hashes, block, length):
        """Return a piece of that length which a block has in common with one of the texts, or ""."""
        if self._longer[0] != length:
            windows = [self._powers.hashes(each)(length) for each in self._texts if len(each) >= length]
            self._longer = length, _Table(np.concatenate(windows))
        for i in self._longer[1].find(hashes(length)).tolist():
            piece = block[i : i + length]
            if any(piece in each for each in self._texts):
                return piece
        return ""

    def _table_of(self, pieces):
        return _Table(np.array([self._powers.hashes(each)(PIECE)[0] for each in pieces], np.uint64))


class _Powers:
    """The powers of the base and of its inverse modulo 2**64, as many as have been needed."""

    def __init__(self):
        self._up = self._down = np.ones(1, np.uint64)

    def hashes(self, text):
        """Return a function from a length to the hashes of all windows of that length, an array of uint64.

        The hash of the window from i is the sum of its code points times base ** (j - i): a difference of two running
        sums, times the inverse of base ** i.
        """
        if len(text) > len(self._up):
            count = 2 * len(text)
            self._up, self._down = (_powers(base, count) for base in (BASE, pow(BASE, -1, 2**64)))
        numbers = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        sums = np.zeros(len(text) + 1, np.uint64)
        np.cumsum(numbers * self._up[: len(text)], out=sums[1:])
        return lambda length: (sums[length:] - sums[:-length]) * self._down[: len(text) - length + 1]


def _powers(base, count):
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


class _Table:
    """Hashes in which many others are looked up.

    Args:
        hashes: Array of uint64.
    """

    def __init__(self, hashes):
        self._hashes = np.unique(hashes)
        bits = min(MOST_BITS, len(self._hashes).bit_length() + SPREAD)
        self._shift = np.uint64(64 - bits)
        self._there = np.zeros(2**bits, bool)
        self._there[self._hashes >> self._shift] = True

    def find(self, hashes):
        """Return the places of those hashes that are in the table."""
        places = np.flatnonzero(self._there[hashes >> self._shift])
        if not len(places):
            return places
        near = np.searchsorted(self._hashes, hashes[places])
        return places[self._hashes[np.minimum(near, len(self._hashes) - 1)] == hashes[places]]
