"""Vocabularies whose symbols are pieces of the text: words, or what a tokenizer makes of it."""

import abc

import numpy as np

from keras_charrnn.errors import VocabularyError
from keras_charrnn.text.vocabularies.base import (
    LINE_END,
    REPLACEMENT,
    UnitVocabulary,
    missing,
    place_of,
    require_policy,
    require_text,
)


class PieceVocabulary(UnitVocabulary):
    """V pieces of text. A subclass says by `cut_up` how a text is cut, and in `from_text` which pieces are symbols.

    A piece that is no symbol is spelled, character by character. Decoding puts the pieces together: whatever was
    encoded without unknown characters comes back exactly.

    Args:
        symbols: The pieces, a sequence of different str of one character or more, the id of each its place.
        unknown: What `encode` does with a character of a piece that is no symbol, which is none either: "error", "drop"
            it, or "replace" it by U+FFFD, which is then a symbol too.

    Raises:
        VocabularyError: If there are fewer than two symbols, one is empty or there twice, or `unknown` is none of the
            three.
    """

    def __init__(self, symbols, unknown="error"):
        require_policy(unknown)
        symbols = tuple(symbols)
        if unknown == "replace" and REPLACEMENT not in symbols:
            symbols += (REPLACEMENT,)
        self.symbols, self.unknown = symbols, unknown
        self._ids = {symbol: index for index, symbol in enumerate(symbols)}
        if len(self._ids) < max(2, len(symbols)) or "" in self._ids:
            raise VocabularyError(f"2 or more pieces of text are needed, all different; received {len(symbols)}")
        self.lengths = np.array([*map(len, symbols)])

    @abc.abstractmethod
    def cut_up(self, text):
        """Return the pieces of a text, a list of str that together are the text."""

    def __contains__(self, symbol):
        return symbol in self._ids

    def cut(self, text):
        """Return where the last line begins: no piece goes on from one line to the next, unless a subclass says so."""
        return text.rfind(LINE_END) + 1

    def encode(self, text, what="the text", characters=0, line=1):
        require_text(text, what)
        get, pieces = self._ids.get, self.cut_up(text)
        ids = [get(piece, -1) for piece in pieces]
        if -1 in ids:
            ids = [each for piece, known in zip(pieces, ids, strict=True) for each in self._spell(piece, known)]
            if -1 in ids:
                index = int(np.argmin(self.knows(text)))
                count = ids.count(-1)
                raise missing(text[index], place_of(text, index, characters, line), count, what, len(self))
        return np.array(ids, self.dtype)

    def _spell(self, piece, known):
        """Return the ids of a piece whose own id is `known`, -1 for none; -1 for a character that is an error."""
        if known >= 0:
            return (known,)
        if self.unknown == "drop":
            return [self._ids[each] for each in piece if each in self._ids]
        return [self._ids.get(each, self._ids[REPLACEMENT] if self.unknown == "replace" else -1) for each in piece]

    def decode(self, ids):
        return "".join(map(self.symbols.__getitem__, np.asarray(ids).tolist()))

    def knows(self, text):
        known = []
        for piece in self.cut_up(text):
            known += [True] * len(piece) if piece in self._ids else [each in self._ids for each in piece]
        return np.array(known, bool)

    def with_added(self, symbols, unknown="error"):
        new = sorted({*symbols, *(REPLACEMENT if unknown == "replace" else "")} - self._ids.keys())
        return type(self)(**{**self.get_config(), "symbols": [*self.symbols, *new], "unknown": unknown})

    def get_config(self):
        return {"symbols": list(self.symbols), "unknown": self.unknown}
