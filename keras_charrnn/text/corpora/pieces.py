"""A text of any length, in pieces."""

import codecs

from keras_charrnn.errors import CorpusError

SIZE = 2**18  # bytes


def read_pieces(file, what, size=SIZE, invalid="error"):
    """Yield the text of a binary file in pieces: UTF-8, with or without a byte-order mark; line ends are "\\n".

    Args:
        file: Open for reading bytes; it may be a pipe. Where it has an attribute `cut` that is true at its end, a
            character may lack its last bytes there, and is left out.
        what: Its name, for messages.
        size: Most bytes of a piece.
        invalid: What to do with bytes that are not UTF-8: "error", or "replace" them by U+FFFD.

    Raises:
        CorpusError: If it cannot be read or is not UTF-8; with byte and line.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")({"error": "strict", "replace": "replace"}[invalid])
    held, done, lines = "", 0, 0  # a carriage return that may belong to a line end; bytes and their line ends
    data = b"begin"
    while data:
        data = _read(file, what, size)
        try:
            text = held + decoder.decode(data, final=not data and not getattr(file, "cut", False))
        except UnicodeDecodeError as error:
            # Of the object, the last bytes are the data, and those before were waiting for the rest of a character.
            place = done + len(data) - len(error.object) + error.start
            line = lines + 1 + error.object.count(b"\n", 0, error.start)
            raise CorpusError(_not_utf8(what, place, error.object[error.start], line)) from error
        done, lines = done + len(data), lines + data.count(b"\n")
        held = "\r" if data and text.endswith("\r") else ""
        if piece := text.removesuffix(held).replace("\r\n", "\n"):
            yield piece


def _read(file, what, size):
    try:
        return file.read(size)
    except OSError as error:
        raise CorpusError(f"{what} cannot be read: {error.strerror}") from error


def _not_utf8(path, place, byte, line):
    """Return the message for a byte that is not UTF-8, at `place` in the file, in line `line`."""
    return (
        f"{path} is not UTF-8: byte {place} (0x{byte:02x}) in line {line}; "
        "save it as UTF-8, for instance with `iconv -f latin1 -t utf-8`"
    )
