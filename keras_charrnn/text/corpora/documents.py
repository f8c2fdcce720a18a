"""Documents in a text, with a mark before each and after the last."""

import itertools

from keras_charrnn.text.vocabularies.base import DOCUMENT


class Documents:
    """Puts the marks in, and takes out those that a text has between its documents itself.

    Args:
        between: What parts documents within a file; "" for nothing.
    """

    def __init__(self, between=""):
        self.between = between

    def split(self, pieces):
        """Yield the documents of a file or record, an iterable of str, each as one str."""
        waiting = []
        for piece in itertools.chain(self._replaced(pieces), (DOCUMENT,)):
            if piece != DOCUMENT:
                waiting.append(piece)
            elif text := "".join(waiting):
                yield text
                waiting = []

    def mark(self, parts):
        """Yield the text of files in pieces.

        Args:
            parts: Iterable of documents or files, each an iterable of str.
        """
        last = ""
        marked = (itertools.chain((DOCUMENT,), self._replaced(part) if self.between else part) for part in parts)
        for piece in itertools.chain.from_iterable(marked):
            # One mark between two documents, whatever stood there.
            shown = piece.removeprefix(DOCUMENT) if last == DOCUMENT else piece
            if shown:
                yield shown
                last = shown[-1]
        if last != DOCUMENT:
            yield DOCUMENT

    def _replaced(self, pieces):
        """Yield pieces with the mark in the place of what stands between documents, which pieces may cut."""
        if not self.between:
            yield from pieces
            return
        held = ""
        for piece in pieces:
            *whole, rest = (held + piece).split(self.between)
            ready = rest[: max(0, len(rest) - len(self.between) + 1)]
            held = rest[len(ready) :]
            for each in whole:
                yield each
                yield DOCUMENT
            yield ready
        yield held
