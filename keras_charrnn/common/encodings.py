"""Names of encodings of texts: Python's own, "auto" and "bytes"."""

import codecs
import encodings.aliases
import re

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import SettingsError

AUTO = "auto"  # as the byte-order mark says, and UTF-8 without one
BYTES = "bytes"  # as they are: UTF-8 where they are that, and by surrogates (PEP 383) where not
ACCEPTED = "auto, bytes or an encoding that Python knows, as in utf-8, utf-16, cp1252, latin-1, shift_jis, gbk"
# Of host names and of Python's source; and what lets halves of characters through.
_NOT_OF_FILES = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"}
_NO_TEXT = re.compile(".*_codec|rot_13|mbcs")  # from bytes to bytes, or text to text; Windows's own
NAMES = sorted(
    {
        each.replace("_", "-")
        for pair in encodings.aliases.aliases.items()
        for each in map(str.lower, pair)
        if pair[1] not in _NOT_OF_FILES and not _NO_TEXT.fullmatch(pair[1])
    }
)


def encoding_name(name):
    """Return the one name of an encoding, however it is spelt: "utf-8" for "UTF8".

    Raises:
        SettingsError: If Python has no such encoding, or it is none of the text of a file.
    """
    if name in (AUTO, BYTES):
        return name
    try:
        info = codecs.lookup(name)
    except (LookupError, TypeError, ValueError):
        info = None
    # rot13, hex, base64 and their like are codecs too; Python itself asks the same of an encoding that `open` gets.
    is_text = info is not None and info._is_text_encoding and info.incrementaldecoder is not None
    if not is_text or info.name.replace("-", "_") in _NOT_OF_FILES:
        near = suggest(name.lower().replace("_", "-"), NAMES) if isinstance(name, str) else ""
        raise SettingsError(f"encoding must be {ACCEPTED}, not {name!r}{near}")
    return info.name
