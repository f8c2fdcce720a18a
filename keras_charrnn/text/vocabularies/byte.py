"""Bytes of any file as ids, and back."""

import codecs

import numpy as np

from keras_charrnn.errors import VocabularyError
from keras_charrnn.text.vocabularies.base import UnitVocabulary, place_of, register_vocabulary, require_text

ESCAPES = "surrogateescape"  # Python's way to have bytes that are no UTF-8 in a str, and to get them back


@register_vocabulary("byte")
class ByteVocabulary(UnitVocabulary):
    """The 256 bytes, of which any file at all is made: two models of bytes always have the same vocabulary.

    A str is read as its UTF-8. A byte that is none is the character U+DC00 + byte in it, as by Python's error handler
    surrogateescape, by which `text.encode("utf-8", "surrogateescape")` are the bytes again. Each byte but those of the
    form 10xxxxxx stands for a character, which these go on with. In a file that is no text, nats per symbol say more
    than those per character.
    """

    symbols = (*map(chr, range(128)), *(f"0x{byte:02x}" for byte in range(128, 256)))
    lengths = (np.arange(256) & 0xC0 != 0x80).astype(np.int64)
    encoding = "bytes"

    @classmethod
    def from_text(cls, text):
        return cls()

    def encode(self, text, what="the text", characters=0, line=1):
        require_text(text, what)
        try:
            return np.frombuffer(text.encode("utf-8", ESCAPES), np.uint8)
        except UnicodeEncodeError as error:
            place = place_of(text, error.start, characters, line)
            raise VocabularyError(
                f"{what} has the lone surrogate U+{ord(text[error.start]):04X}, {place}, which is neither a character "
                "nor a byte; leave it out"
            ) from error

    def decode(self, ids):
        return np.asarray(ids).astype(np.uint8).tobytes().decode("utf-8", ESCAPES)

    def decoder(self):
        decoder = codecs.getincrementaldecoder("utf-8")(ESCAPES)
        return lambda ids, final: decoder.decode(np.asarray(ids).astype(np.uint8).tobytes(), final)

    def spread(self, text, ids, nats):
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        escaped = (points >= 0xDC80) & (points <= 0xDCFF)
        counts = 1 + (points >= 0x80).astype(int) + (points >= 0x800) + (points >= 0x10000)
        counts[escaped] = 1
        if not len(points):
            return np.zeros(0, np.float32)
        return np.add.reduceat(np.asarray(nats, np.float32), np.cumsum(counts) - counts)

    def get_config(self):
        return {}
