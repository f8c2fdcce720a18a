"""Escapes in a text that is given in one line."""

import re

from keras_charrnn.errors import SettingsError

_ESCAPE = re.compile(r"\\(?:([nt\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[uU][0-9a-fA-F]*)")
_LETTERS = {"n": "\n", "t": "\t", "\\": "\\"}


def unescape(text):
    r"""Return a text with its escapes replaced: \n, \t, \\, \uXXXX and \UXXXXXXXX; any other backslash stays.

    Raises:
        SettingsError: If digits are missing, or they are no character's.
    """
    return _ESCAPE.sub(_character, text)


def _character(escape):
    letter, short, long = escape.groups()
    if letter:
        return _LETTERS[letter]
    code = int(short or long or "-1", 16)
    if code not in range(0x110000) or code in range(0xD800, 0xE000):
        raise SettingsError(
            rf"'{escape[0]}' is no character: \u takes the four hexadecimal digits of one, as in \u00e9, \U eight, as "
            r"in \U0001f600; write \\ for a backslash"
        )
    return chr(code)
