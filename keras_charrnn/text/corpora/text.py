"""A text with its origin, and how bytes become one."""

import dataclasses
import functools
import hashlib
import io
import os
import pathlib
from collections.abc import Callable

import numpy as np

from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.pieces import read_pieces

PIECE = 2**22  # bytes that are read at once


@dataclasses.dataclass(frozen=True, eq=False)
class Text:
    """A corpus, which need not fit into the memory.

    Attributes:
        name: Under which it was asked for.
        source: Where it came from: a path, an address, a package.
        sha256: Of the bytes that were read, before decoding, as hexadecimal digits.
        characters: Their number.
        symbols: Array of the code points that occur, in order.
        counts: How often each does.
        pieces: Function that reads the text anew, as an iterable of str; line ends are "\\n".
        note: What the user must know: that this is not the corpus asked for first. "" where there is nothing.
    """

    name: str
    source: str
    sha256: str
    characters: int
    symbols: np.ndarray
    counts: np.ndarray
    pieces: Callable
    note: str = ""

    @property
    def text(self):
        """All of its characters, in memory."""
        return "".join(self.pieces())

    def describe(self):
        """Return name, source, sha256, number of characters and note, for the record of a run."""
        return {name: getattr(self, name) for name in ("name", "source", "sha256", "note", "characters")}


def from_text(name, text, source):
    """Return a `Text` of a str."""
    return from_bytes(name, [(source, text.encode())], source)


def from_bytes(name, pieces, source, max_bytes=None):
    """Return a `Text` of bytes in memory: see `from_files`.

    Args:
        pieces: List of (path, bytes).
    """
    return from_files(name, [(path, functools.partial(io.BytesIO, data)) for path, data in pieces], source, max_bytes)


def from_files(name, files, source, max_bytes=None, invalid="error", progress=None):
    """Return a `Text` of one or more files, put together in order. They are read once now, and again for their ids.

    Args:
        name: Of the corpus.
        files: List of (path, function that opens it for reading bytes), each UTF-8, with or without a byte-order mark.
        source: Where they came from, in words.
        max_bytes: Where to cut, at the last whole character; None for nowhere.
        invalid: What to do with bytes that are not UTF-8: "error", or "replace" them by U+FFFD.
        progress: Called with the number of bytes of each piece that has been read; None for nobody.

    Raises:
        CorpusError: If a file cannot be read or is not UTF-8; with byte and line. If there are no characters.
    """
    digest, counts = hashlib.sha256(), np.zeros(0x110000, np.int64)

    def watch(data):
        digest.update(data)
        if progress is not None:
            progress(len(data))

    for piece in _pieces(files, max_bytes, invalid, watch):
        found = np.bincount(np.frombuffer(piece.encode("utf-32-le"), "<u4"))
        counts[: len(found)] += found
    characters = int(counts.sum())
    if not characters:
        raise CorpusError(f"the corpus {name!r} ({source}) is empty; give it some text")
    symbols = np.flatnonzero(counts)
    pieces = functools.partial(_pieces, files, max_bytes, invalid)
    return Text(name, source, digest.hexdigest(), characters, symbols, counts[symbols], pieces)


def _pieces(files, max_bytes, invalid, watch=None):
    left = max_bytes
    for path, open_file in files:
        try:
            file = open_file()
        except OSError as error:
            raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
        with file:
            limited = _Limited(file, left, watch)
            yield from read_pieces(limited, path, PIECE, invalid)
            left = limited.left


class _Limited:
    """A file of which no more than so many bytes are read.

    Attributes:
        left: How many may still be read; None for no limit.
    """

    def __init__(self, file, left, watch):
        self._file, self.left, self._watch = file, left, watch

    @property
    def cut(self):
        """Whether the limit is reached; a character may be cut there."""
        return self.left == 0

    def read(self, size):
        if self.left is None:
            data = self._file.read(size)
        else:
            data = self._file.read(min(size, self.left))
            self.left -= len(data)
        if self._watch is not None:
            self._watch(data)
        return data


def cache_folder():
    """Return the user's folder for fetched corpora: $KERAS_CHARRNN_CACHE, or keras_charrnn in the system's cache."""
    if folder := os.environ.get("KERAS_CHARRNN_CACHE"):
        return pathlib.Path(folder).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "keras_charrnn"
