"""Words, punctuation and spaces to ids and back."""

import collections
import re

from keras_charrnn.text.vocabularies.base import register_vocabulary
from keras_charrnn.text.vocabularies.pieces import PieceVocabulary

# A run of letters, digits and underscores, or of other signs, each with a space before it; or one blank.
PIECE = re.compile(r"\n| ?\w+| ?[^\w\s]+|\s")


@register_vocabulary("word")
class WordVocabulary(PieceVocabulary):
    r"""The V words of a model, and the characters by which others are spelled.

    A text is cut into runs of letters, digits and underscores (`\w+`) and runs of other signs, each with the space
    before it, if there is one; every other space, tab or line end is a symbol by itself. All characters are symbols
    too, so that no word is unknown: one that is no symbol is spelled.

    Args:
        symbols, unknown: As of a `PieceVocabulary`.
    """

    @classmethod
    def from_text(cls, text, unknown="error", min_count=1, most=None):
        """Return the vocabulary of a `corpora.Text`.

        Args:
            text: The text.
            unknown: As above.
            min_count: How often a word must occur in it at least to be a symbol.
            most: How many symbols there are at most, the characters among them: the most frequent words; None for all.
        """
        counts = collections.Counter()
        for piece in _whole(text.every_piece()):
            counts.update(PIECE.findall(piece))
        characters = [chr(point) for point in text.symbols]
        words = [word for word, count in counts.most_common() if count >= min_count and len(word) > 1]
        return cls(characters + (words if most is None else words[: max(0, most - len(characters))]), unknown)

    def cut_up(self, text):
        return PIECE.findall(text)

    def cut(self, text):
        return _cut(text)


def _cut(text):
    """Return where the last blank after which something stands begins: words begin there, whatever follows."""
    before = text.rsplit(None, 1)
    return len(before[0]) if len(before) == 2 else 0


def _whole(pieces):
    """Yield pieces of a text, cut anew so that no word is."""
    held = ""
    for piece in pieces:
        held += piece
        place = _cut(held)
        yield held[:place]
        held = held[place:]
    yield held
