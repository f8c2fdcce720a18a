"""What is odd about the characters of a text."""

import numpy as np

from keras_charrnn.text.vocabularies.base import DOCUMENT

LINE_ENDS = {"CR": "\r", "CR LF": "\r\n"}  # besides "\n" itself
SIGNS = {  # that no text should have
    "\ufeff": "a byte-order mark, as where files were put together; a list of the files themselves has none",
    "\ufffd": "the sign for what could not be decoded, here or before",
}
MANY_CONTROLS = 1 / 1000  # share of control characters, other than tabs, line ends and form feeds, that is remarked on


def notes_of(line_ends, counts, characters):
    """Return what the reader of a text must know of its characters, a tuple of sentences.

    Args:
        line_ends: A set of those that it has: "\\n", "\\r", "\\r\\n".
        counts: int (0x110000,): of each code point.
        characters: Their number.
    """
    return (*_note_of_line_ends(line_ends), *_note_of_controls(counts, characters), *_notes_of_signs(counts))


def _note_of_line_ends(found):
    names = [name for name, each in LINE_ENDS.items() if each in found]
    if names:
        yield f"line ends that are {' or '.join(names)} are read as \\n"


def _note_of_controls(counts, characters):
    codes = np.array([code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in f"\t\n\f{DOCUMENT}"])
    count, most = int(counts[codes].sum()), codes[np.argmax(counts[codes])]
    if count > MANY_CONTROLS * characters:
        yield (
            f"{count:,} of {characters:,} characters are control characters, U+{most:04X} {counts[most]:,} times; look "
            "whether this is a plain text, and in another encoding"
        )


def _notes_of_signs(counts):
    for sign, meaning in SIGNS.items():
        if count := counts[ord(sign)]:
            yield f"{count:,} of the characters are U+{ord(sign):04X}, {meaning}"
