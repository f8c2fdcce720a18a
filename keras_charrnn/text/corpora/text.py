"""A text with its origin, and how bytes become one."""

import dataclasses
import functools
import hashlib
import io
import itertools
import os
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np

from keras_charrnn.common.encodings import AUTO, BYTES, encoding_name
from keras_charrnn.common.files import user_path
from keras_charrnn.common.template import Template
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.documents import Documents
from keras_charrnn.text.corpora.notes import notes_of
from keras_charrnn.text.corpora.pieces import read_pieces
from keras_charrnn.text.corpora.records import PARQUET, kind_of, render, render_parquet
from keras_charrnn.text.corpora.shuffling import shuffle

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
        notes: What the user must know, a sentence each: that this is not the corpus asked for first, or looks like no
            text.
        encoding: In which it is read.
        form: What makes another text of the same bytes, plain values; () for what is as it was read.
        apart: Mapping from "validation" and "test" to a `Text`, for those that have files of their own. Of `sha256`,
            `symbols` and `counts` they are a part, of `characters` and `pieces` they are not.
    """

    name: str
    source: str
    sha256: str
    characters: int
    symbols: np.ndarray
    counts: np.ndarray
    pieces: Callable
    notes: tuple = ()
    encoding: str = "utf-8"
    form: tuple = ()
    apart: dict = dataclasses.field(default_factory=dict)

    def with_apart(self, texts):
        """Return the text with others for its splits: see `apart`."""
        every = [self, *texts.values()]
        counts = np.zeros(0x110000, np.int64)
        for each in every:
            counts[each.symbols] += each.counts
        symbols = np.flatnonzero(counts)
        return dataclasses.replace(
            self,
            sha256=hashlib.sha256("".join(each.sha256 for each in every).encode()).hexdigest(),
            symbols=symbols,
            counts=counts[symbols],
            notes=(*self.notes, *(f"{name}: {note}" for name, each in texts.items() for note in each.notes)),
            apart=dict(texts),
        )

    @property
    def text(self):
        """All of its characters, in memory."""
        return "".join(self.pieces())

    def every_piece(self):
        """Yield its pieces, and those of the texts `apart`."""
        yield from itertools.chain(self.pieces(), *(each.pieces() for each in self.apart.values()))

    def describe(self):
        """Return name, source, sha256, form, number of characters and notes, for the record of a run."""
        names = ("name", "source", "sha256", "characters")
        form = {"form": list(self.form)} if self.form else {}
        return {**{name: getattr(self, name) for name in names}, **form, "notes": list(self.notes)}

    def is_that_of(self, record):
        """Whether it is the text of a record that `describe` has made."""
        return (self.sha256, list(self.form)) == (record["sha256"], record.get("form", []))


def from_text(name, text, source):
    """Return a `Text` of a str."""
    return from_bytes(name, [(source, text.encode())], source)


def from_bytes(name, pieces, source, max_bytes=None):
    """Return a `Text` of bytes in memory: see `from_files`.

    Args:
        pieces: List of (path, bytes).
    """
    files = [(path, functools.partial(io.BytesIO, data)) for path, data in pieces]
    return from_files(name, files, source, Reading(max_bytes, encoding="utf-8"))


@dataclasses.dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        max_bytes: Where to cut, at the last whole character; None for nowhere.
        invalid: What to do with bytes that the encoding does not allow: "error", or "replace" them by U+FFFD.
        encoding: As in `read_pieces`.
        template: A `Template`, for files that are tables; None for texts.
        documents: A `Documents`, by which documents are marked; None for no marks.
        shuffle: Seed of the order of the documents; None for theirs.
    """

    max_bytes: int | None = None
    invalid: str = "error"
    encoding: str = AUTO
    template: Template | None = None
    documents: Documents | None = None
    shuffle: int | None = None

    @property
    def form(self):
        """What it makes of the same bytes, plain values."""
        template = None if self.template is None else self.template.text
        between = None if self.documents is None else self.documents.between
        return () if (template, between, self.shuffle) == (None, None, None) else (template, between, self.shuffle)


def from_files(name, files, source, how, progress=None):
    """Return a `Text` of one or more files, put together in order. They are read once now, and again for their ids.

    Args:
        name: Of the corpus.
        files: List of (path, function that returns it, open for reading bytes, for use in `with`).
        source: Where they came from, in words.
        how: A `Reading`.
        progress: Called with the number of bytes of each piece that has been read; None for nobody.

    Raises:
        CorpusError: If a file cannot be read or is not in its encoding; with byte and line. If there are no characters.
        SettingsError: If there is no such encoding.
    """
    digest, counts, line_ends = hashlib.sha256(), np.zeros(0x110000, np.int64), set()
    how = dataclasses.replace(how, encoding=encoding_name(how.encoding))

    def watch(data):
        digest.update(data)
        if progress is not None:
            progress(len(data))

    for piece in _pieces(files, how, watch, line_ends):
        found = _counts(piece)
        counts[: len(found)] += found
    characters = int(counts.sum())
    if not characters:
        raise CorpusError(f"the corpus {name!r} ({source}) is empty; give it some text")
    symbols = np.flatnonzero(counts)
    pieces = functools.partial(_pieces, files, how)
    notes = () if how.encoding == BYTES else notes_of(line_ends, counts, characters)
    return Text(
        name, source, digest.hexdigest(), characters, symbols, counts[symbols], pieces, notes, how.encoding, how.form
    )


def _counts(piece):
    """Return how often each code point is in a str, as far as the highest."""
    if not piece.isascii():
        return np.bincount(np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), "<u4"))
    data = piece.encode("ascii")
    pairs = np.frombuffer(data[: len(data) // 2 * 2], np.uint16)  # in pairs it takes half as long
    counts = np.bincount(pairs, minlength=2**16).reshape(256, 256)
    counts = counts.sum(0) + counts.sum(1)
    if len(data) % 2:
        counts[data[-1]] += 1
    return counts


def _pieces(files, how, watch=None, line_ends=None):
    """Yield the text of files, str after str.

    Args:
        files: As of `from_files`.
        how: A `Reading`.
        watch: Called with the bytes that are read; None for nobody.
        line_ends: As of `read_pieces`.
    """
    parts = _parts(files, how, watch, line_ends)
    if how.shuffle is not None:
        parts = _shuffled(parts, how)
    pieces = itertools.chain.from_iterable(parts) if how.documents is None else how.documents.mark(parts)
    return pieces if how.template is None and how.documents is None else _joined(pieces)


def _parts(files, how, watch, line_ends):
    """Yield the text of each file, or record of one, as an iterable of str, to be read before the next."""
    left, template = how.max_bytes, how.template
    for index, (path, open_file) in enumerate(files):
        if index and watch is not None and (how.documents is not None or how.shuffle is not None):
            watch(b"\x1e")  # where one file ends is a part of the text then, and of its checksum
        if template is not None and kind_of(path) == PARQUET:
            for text in render_parquet(path, template, watch):
                left = None if left is None else left - len(text.encode())
                if left is not None and left < 0:
                    return
                yield [text]
            continue
        with open_file() as file:
            limited = Limited(file, left, watch)
            # The lines of a table are none of its text.
            ends = line_ends if template is None else None
            pieces = read_pieces(limited, path, PIECE, how.invalid, how.encoding, ends)
            if template is None:
                yield pieces
            else:
                yield from ([each] for each in render(pieces, path, template, lambda limited=limited: limited.cut))
            left = limited.left


def _shuffled(parts, how):
    """Yield each document as a list of one str."""
    split = (how.documents or Documents()).split
    yield from ([each] for each in shuffle(itertools.chain.from_iterable(map(split, parts)), how.shuffle))


def _joined(texts):
    """Yield texts put together to pieces of some size: records are short, and each piece has its price."""
    waiting, size = [], 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting)


class Limited:
    """A file of which no more than so many bytes are read, and that is watched.

    Args:
        file: Has `read(size)`.
        left: How many bytes may be read; None for no limit.
        watch: Called with the bytes of each reading; None for nobody.

    Attributes:
        left: How many may still be read; None for no limit.
    """

    def __init__(self, file, left=None, watch=None):
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
    """Return the user's folder for texts: $KERAS_CHARRNN_CACHE, or keras_charrnn in the user's cache; it is absolute.

    Who has no home, as some users of containers, has a temporary one.
    """
    if folder := os.environ.get("KERAS_CHARRNN_CACHE"):
        return user_path(folder).absolute()
    folder = user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    folder = pathlib.Path(tempfile.gettempdir()) if str(folder).startswith("~") else folder.absolute()
    return folder / "keras_charrnn"
