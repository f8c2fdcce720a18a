"""Characters to ids and back."""

import itertools

import numpy as np

from keras_charrnn.errors import VocabularyError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
POLICIES = ("error", "drop", "replace")
LINE_END = "\n"
DOCUMENT = "\x1e"  # stands before each document, as in JSON text sequences (RFC 7464), and after the last


class Vocabulary:
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
        if unknown not in POLICIES:
            raise VocabularyError(f"unknown must be one of {', '.join(POLICIES)}; received {unknown!r}")
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
        self.dtype = np.min_scalar_type(len(points) - 1)
        self._points = points.astype("<u4")
        # One look-up table over all code points up to the last symbol's. len(points) marks those that are not in it.
        self._table = np.full(int(points.max()) + 2, len(points), dtype=np.min_scalar_type(len(points)))
        self._table[points] = np.arange(len(points))

    @classmethod
    def of(cls, text, unknown="error"):
        """Return the vocabulary of all characters in `text`."""
        return cls(text, unknown)

    @classmethod
    def of_counts(cls, points, counts, unknown="error", min_count=1):
        """Return the vocabulary of the code points that occur at least `min_count` times.

        Args:
            points, counts: Arrays of code points and of how often each occurs.
        """
        kept = np.asarray(points)[np.asarray(counts) >= min_count]
        return cls(kept.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"), unknown)

    def with_added(self, symbols, unknown="error"):
        """Return a vocabulary with further symbols, in which each of this one keeps its id.

        Args:
            symbols: The characters that it has at least.
            unknown: As of a `Vocabulary`.
        """
        new = "".join(sorted({*symbols, *(REPLACEMENT if unknown == "replace" else "")} - {*self.symbols}))
        first = self.symbols.removesuffix(self.added) if self.added else self.symbols
        return Vocabulary(first, unknown, self.added + new)

    def tally(self, points, counts):
        """Return how often each symbol occurs in the ids of a text whose code points occur so often: (V,)."""
        ids, tally = self._look_up(points), np.zeros(len(self) + 1, np.int64)
        np.add.at(tally, ids, counts)
        if self.unknown == "replace":
            tally[self.symbols.index(REPLACEMENT)] += tally[-1]
        return tally[:-1]

    def __len__(self):
        return len(self.symbols)

    def __contains__(self, character):
        return character in self.symbols

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((self.symbols, self.unknown))

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"Vocabulary({given.removeprefix('symbols=')})"

    def knows(self, text):
        """Return for each character of a text whether it is a symbol: an array of bool."""
        return self._look_up(_code_points(text)) != len(self)

    def note_of(self, text, what):
        """Return in a sentence which characters of a text `encode` drops or replaces, the first ten; "" for none.

        Args:
            text: A str.
            what: What it is.
        """
        unknown = list(dict.fromkeys(itertools.compress(text, ~self.knows(text))))
        if not unknown or self.unknown == "error":  # encode tells it then
            return ""
        done = "drops" if self.unknown == "drop" else "replaces by U+FFFD"
        shown = ", ".join(map(repr, unknown[:10])) + (", …" if len(unknown) > 10 else "")
        return f"{what} has characters that the model does not know, and {done}: {shown}"

    def encode(self, text, what="the text", characters=0, line=1):
        """Return the ids of a text's characters: an array of the smallest integer type that holds V - 1.

        Args:
            text: A str.
            what: What it is, for the message.
            characters: Number of characters before it, where it is a piece of a longer text, for the message.
            line: Number of its first line, likewise.

        Raises:
            VocabularyError: If a character is not in the vocabulary and `unknown` is "error"; it names the first. Or if
                the text is no str.
        """
        if not isinstance(text, str):
            raise VocabularyError(f"{what} must be a str; received {type(text).__name__}")
        ids = self._look_up(_code_points(text))
        missing = ids == len(self)
        if missing.any():
            if self.unknown == "error":
                index = int(np.argmax(missing))
                place = f"at {characters + index:,} (line {line + text.count(LINE_END, 0, index):,})"
                raise VocabularyError(self._missing(text[index], place, int(missing.sum()), what))
            if self.unknown == "drop":
                ids = ids[~missing]
            else:
                ids[missing] = self.symbols.index(REPLACEMENT)
        return ids.astype(self.dtype, copy=False)

    def decode(self, ids):
        """Return the text of ids: an array or list of integers from 0 to V - 1."""
        return self._points[np.asarray(ids, dtype=np.int64)].tobytes().decode("utf-32-le", "surrogatepass")

    def get_config(self):
        """Return what makes the same vocabulary again, as plain values."""
        if not self.added:
            return {"symbols": self.symbols, "unknown": self.unknown}
        return {"symbols": self.symbols.removesuffix(self.added), "unknown": self.unknown, "added": self.added}

    def _look_up(self, points):
        """Return the ids of code points, with V for one that is no symbol."""
        return self._table[np.minimum(points, len(self._table) - 1)]

    def _missing(self, character, place, count, what):
        others = f" ({count} such characters in all)" if count > 1 else ""
        return (
            f"{what} has the character {character!r} (U+{ord(character):04X}), {place}, which the model's "
            f"vocabulary of {len(self)} symbols lacks{others}; leave it out, or train with "
            "`vocabulary: {unknown: drop}` or `replace`"
        )


def _code_points(text):
    # A lone surrogate is no character, but a str may hold one, and an error about it must be ours.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
