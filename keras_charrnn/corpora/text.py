"""A text with its origin, and how bytes become one."""

import dataclasses
import hashlib
import os
import pathlib

from keras_charrnn.errors import CorpusError


@dataclasses.dataclass(frozen=True)
class Text:
    """A corpus.

    Attributes:
        name: Under which it was asked for.
        text: Its characters; line ends are "\\n".
        source: Where it came from: a path, an address, a package.
        sha256: Of the bytes that were read, before decoding, as hexadecimal digits.
        note: What the user must know: that this is not the corpus asked for first. "" where there is nothing.
    """

    name: str
    text: str
    source: str
    sha256: str
    note: str = ""

    @property
    def characters(self):
        """The number of characters."""
        return len(self.text)

    def describe(self):
        """Return name, source, sha256, number of characters and note, for the record of a run."""
        record = dataclasses.asdict(self)
        del record["text"]
        return {**record, "characters": self.characters}


def from_bytes(name, pieces, source, max_bytes=None):
    """Return a `Text` of one or more files' bytes, put together in order.

    Args:
        name: Of the corpus.
        pieces: List of (path, bytes), each UTF-8, with or without a byte-order mark.
        source: Where they came from, in words.
        max_bytes: Where to cut, at the last whole character; None for nowhere.

    Raises:
        CorpusError: If a piece is not UTF-8; with byte and line. If there are no characters.
    """
    digest, texts = hashlib.sha256(), []
    for path, data in pieces:
        if max_bytes is not None:
            data, max_bytes = _cut(data, max_bytes), max(0, max_bytes - len(data))
        digest.update(data)
        texts.append(_decode(path, data))
    text = "".join(texts)
    if not text:
        raise CorpusError(f"the corpus {name!r} ({source}) is empty; give it some text")
    return Text(name, text, source, digest.hexdigest())


def _cut(data, size):
    """Return at most `size` bytes, without the beginning of a character that would end beyond."""
    while 0 < size < len(data) and data[size] & 0xC0 == 0x80:  # a continuation byte
        size -= 1
    return data[:size]


def _decode(path, data):
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise CorpusError(not_utf8(path, start, data[start], data.count(b"\n", 0, start) + 1)) from error
    return text.replace("\r\n", "\n")


def not_utf8(path, place, byte, line):
    """Return the message for a byte that is not UTF-8, at `place` in the file, in line `line`."""
    return (
        f"{path} is not UTF-8: byte {place} (0x{byte:02x}) in line {line}; "
        "save it as UTF-8, for instance with `iconv -f latin1 -t utf-8`"
    )


def cache_folder():
    """Return the user's folder for fetched corpora: $KERAS_CHARRNN_CACHE, or keras_charrnn in the system's cache."""
    if folder := os.environ.get("KERAS_CHARRNN_CACHE"):
        return pathlib.Path(folder).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "keras_charrnn"
