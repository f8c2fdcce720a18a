"""What to write in place of a value that is not accepted, where that is plain to see.

A hint is called with the value, and returns what to do, or "" where it has nothing to say.
"""

import re

from keras_charrnn.recipe.schema import plain_value

_CONTROL = "[\0-\x1f\x7f-\x9f\u2028\u2029]"  # line ends, tabs and the like
QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a"
_LOOKALIKES = {  # what word processors put in the place of YAML's signs
    "\N{NO-BREAK SPACE}": "a non-breaking space (U+00A0); write plain spaces",
    "\N{IDEOGRAPHIC SPACE}": "a full-width space (U+3000); write plain spaces",
    "\N{FULLWIDTH COLON}": "a full-width colon (U+FF1A); write a plain one and a space",
    "\N{FULLWIDTH COMMA}": "a full-width comma (U+FF0C); write a plain one and a space",
    **dict.fromkeys(QUOTES, "a typographic quote, which quotes nothing; write \" or '"),
}
FORMER_FLAGS = ("yes", "on", "no", "off")  # to YAML 1.1
_FLAGS = {"true": ("yes", "on", "y", "true", "1", 1), "false": ("no", "off", "n", "false", "0", 0)}


def nothing(value):
    """Return no hint."""
    return ""


def for_lookalikes(text):
    """Tell of a sign in a text that looks like one of YAML's, and is none."""
    return next((f"there is {words}" for sign, words in _LOOKALIKES.items() if sign in text), "")


def for_key(key):
    """Tell why a key may have come out as it did."""
    if not isinstance(key, str):
        return ""
    return "a colon divides a key from its value with a space behind it" if ":" in key else for_lookalikes(key)


def for_number(value):
    """Return how to write what is a number elsewhere: in YAML 1.1, in Python, in print."""
    if not isinstance(value, str):
        return ""
    if re.fullmatch(r"\s*\d+(:\d+)+(\.\d*)?\s*", value):
        return "write one number: 1:30 is 90 in the smaller unit, 1.5 in the larger one"
    digits = re.sub(r"(?<=\d)(_|,(?=\d{3}(?!\d)))(?=\d)", "", value.strip()).replace(",", ".")
    binary = re.fullmatch(r"[-+]?0[bB][01]{1,99}", digits)
    number = int(digits, 2) if binary else plain_value(digits.removesuffix("%")[:99])
    if isinstance(number, bool | str | None):
        return ""
    return f"write {number / 100 if digits.endswith('%') else number}, without quotes"


def for_whole(value):
    """Return how to write a whole number that has come as another."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return f"write {value:.0f}" if is_whole else for_number(value)


def for_flag(value):
    """Return true or false for what means it elsewhere: in YAML 1.1, in quotes, as a number."""
    word = value.strip().lower() if isinstance(value, str) else value
    return next((f"write {name}, without quotes" for name, words in _FLAGS.items() if word in words), "")


def for_text(value):
    """Tell how what looks like something else is a text."""
    return "a text that looks like a number, true or false goes into quotes" if isinstance(value, int | float) else ""


def for_path(value):
    """Tell of signs in a path that nobody means to be there."""
    return for_lookalikes(value) if isinstance(value, str) else for_text(value)


def for_missing(path):
    """Tell of line ends, tabs and the like in a path, or a part of one, where there is no such file."""
    if not re.search(_CONTROL, path):
        return ""
    return "in double quotes a backslash begins a sign, as in \\n and \\t; write it in single quotes, or with /"
