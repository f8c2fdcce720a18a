"""A text of any length and encoding, in pieces."""

import codecs
import io

from keras_charrnn.common.encodings import AUTO, BYTES, encoding_name
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.opening import Begun

SIZE = 2**18  # bytes
HEAD = 1024  # bytes that tell the encoding
# That of UTF-32, little end first, begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS = bytes(code for code in range(0x20) if chr(code) not in "\t\n\f\r\x1b")
TOO_MANY = 1 / 20  # share of these among the first bytes, that texts in no encoding of bytes have
NAME_IT = "name its encoding by corpus.encoding in the recipe, or by --encoding"


def read_pieces(file, what, size=SIZE, invalid="error", encoding=AUTO, line_ends=None):
    """Yield the text of a binary file in pieces. A byte-order mark is no character of it; line ends are "\\n".

    Args:
        file: Open for reading bytes; it may be a pipe. Where it has an attribute `cut` that is true at its end, a
            character may lack its last bytes there, and is left out.
        what: Its name, for messages.
        size: Most bytes of a piece.
        invalid: What to do with bytes that the encoding does not allow: "error", or "replace" them by U+FFFD.
        encoding: Any of Python's; "auto" for that of the byte-order mark, or UTF-8; "bytes" for all bytes as they are,
            marks and line ends too, those that are no UTF-8 as by Python's error handler surrogateescape.
        line_ends: A set, to which those are added that the text has: "\\n", "\\r", "\\r\\n"; None for nobody.

    Raises:
        CorpusError: If it cannot be read or is not in its encoding; with byte and line.
        SettingsError: If there is no such encoding.
    """
    source = Begun(file, what)
    if encoding == BYTES:
        yield from _as_they_are(source, size, file)
        return
    head = source.look(HEAD)
    codec = _codec(encoding_name(encoding), head, what)
    decoder = codecs.getincrementaldecoder(codec)({"error": "strict", "replace": "replace"}[invalid])
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    done, lines = 0, 0  # bytes and their line ends
    mark = "" if codec in MARKS.values() or codec == "utf-8-sig" else "\ufeff"  # which these leave out themselves
    data = b"begin"
    while data:
        data, before = source.read(size), decoder.getstate()
        try:
            text = decoder.decode(data, final=not data and not getattr(file, "cut", False))
        except UnicodeDecodeError as error:
            # Of the object, the last bytes are the data, and those before were waiting for the rest of a character.
            place = len(data) - len(error.object) + error.start
            decoder.setstate(before)
            good = newlines.decode(decoder.decode(data[: max(0, place)]), final=True)
            line = lines + good.count("\n") + 1
            byte = f"byte {done + place} (0x{error.object[error.start]:02x}) in line {line}"
            advice = _advice(codec, head, is_cut=not data)
            raise CorpusError(f"{what} is not {codec.upper()}: {byte}; {advice}") from error
        done += len(data)
        if mark and text:
            text, mark = text.removeprefix(mark), ""
        piece = newlines.decode(text, final=not data)
        lines += piece.count("\n")
        if piece:
            yield piece
    if line_ends is not None:
        found = newlines.newlines or ()
        line_ends.update([found] if isinstance(found, str) else found)


def _as_they_are(source, size, file):
    decoder, data = codecs.getincrementaldecoder("utf-8")("surrogateescape"), b"begin"
    while data:
        data = source.read(size)
        if piece := decoder.decode(data, final=not data and not getattr(file, "cut", False)):
            yield piece


def _codec(encoding, head, what):
    """Return the name of the decoder for a file that begins with some bytes."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if (encoding == "utf-16" and marked is None) or (encoding == "utf-32" and marked != encoding):
        raise CorpusError(
            f"{what} has no byte-order mark, which tells the order of the bytes of {encoding.upper()}; {NAME_IT}: "
            f"{encoding}-le or {encoding}-be"
        )
    if encoding != AUTO:
        return encoding
    if not marked and (unmarked := _unmarked(head)):
        raise CorpusError(
            f"{what} looks like {unmarked.upper()} without a byte-order mark; {NAME_IT}: {unmarked}, or utf-8 if the "
            "NULs are part of the text"
        )
    return marked or "utf-8"


def _unmarked(head):
    """Return the kind of UTF-16 or UTF-32 that some bytes look like, by where among them are zeros; None for none."""
    quads = len(head) // 4
    if quads < 4:
        return None
    zeros = [head[place : 4 * quads : 4].count(0) for place in range(4)]
    for order, (first, second, third, fourth) in (("le", zeros), ("be", zeros[::-1])):
        if fourth == quads and 10 * third >= 9 * quads and 2 * first < quads:
            return f"utf-32-{order}"
        # Spaces and line ends alone give a text of any script one in twenty.
        if 10 * (second + fourth) >= quads and 10 * (first + third) <= second + fourth:
            return f"utf-16-{order}"
    return None


def _advice(codec, head, is_cut):
    """Return what to do with a file in which there is a byte that the encoding does not allow.

    Args:
        codec: The encoding.
        head: With which the file begins.
        is_cut: Whether it ends in the middle of a character.
    """
    controls = 0 if codec.startswith(("utf-16", "utf-32")) else len(head) - len(head.translate(None, _CONTROLS))
    if controls > TOO_MANY * len(head):
        return (
            f"{controls:,} of its first {len(head):,} bytes are control characters, so it is hardly a plain text: save "
            f"it as one, or {NAME_IT}: utf-16-le or another"
        )
    advice = f"{NAME_IT}: cp1252, latin-1, shift_jis, gbk or another"
    return f"{advice}; or, if it was cut there, leave out that piece of a character" if is_cut else advice
