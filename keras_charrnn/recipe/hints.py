"""What to write in place of a value that is not accepted, where that is plain to see.

A hint is called with the value, and returns what to do, or "" where it has nothing to say.
"""

import re

from keras_charrnn.recipe.schema import plain_value

_THOUSANDS = ",'\u2019 \xa0\u2009\u202f"  # what stands between the digits of large numbers in print
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
_NOTHING = ("none", "nil", "no", "off", "n/a", "false")
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
        return "in braces a comma ends a value"
    return "a colon divides a key from its value with a space behind it" if ":" in key else for_lookalikes(key)


def for_number(value):
    """Return how to write what is a number elsewhere: in YAML 1.1, in Python, in print."""
    if not isinstance(value, str):
        return ""
    if re.fullmatch(r"\s*\d+(:\d+)+(\.\d*)?\s*", value):
        return "write one number: 1:30 is 90 in the smaller unit, 1.5 in the larger one"
    digits = re.sub(rf"(?<=\d)(_|[{_THOUSANDS}](?=\d{{3}}(?!\d)))(?=\d)", "", value.strip()).replace(",", ".")
    binary = re.fullmatch(r"[-+]?0[bB][01]{1,99}", digits)
    number = int(digits, 2) if binary else plain_value(digits.removesuffix("%")[:99])
    if isinstance(number, bool | str | None):  # 1h, 1/8, 10^-3
        return "write one plain number, as in 1000, 0.5 or 1e-3" if digits[:1].isdigit() else ""
    return f"write {number / 100 if digits.endswith('%') else number}, without quotes"


def for_whole(value):
    """Return how to write a whole number that has come as another."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return f"write {value:.0f}" if is_whole else for_number(value)


def for_flag(value):
    """Return true or false for what means it elsewhere: in YAML 1.1, in quotes, as a number."""
    word = value.strip().lower() if isinstance(value, str) else value
    return next((f"write {name}, without quotes" for name, words in _FLAGS.items() if word in words), "")


def for_null(value):
    """Tell how to write that there is none."""
    nothing = value is False or (isinstance(value, str) and value.lower() in _NOTHING)
    return "write null, without quotes, for none" if nothing else ""


def for_list(value, check):
    """Return how to write a list of one value, or of what commas divide, where `check` accepts each."""
    refused = []
    for each in map(plain_value, map(str.strip, value.split(","))) if isinstance(value, str) else [value]:
        check(each, "", refused)
    return "" if refused else f"write [{value}]"


def for_text(value):
    """Tell how what looks like something else is a text, or why a text is none."""
    if isinstance(value, int | float):
        return "a text that looks like a number, true or false goes into quotes"
    if value and isinstance(value, list | dict):
        return "a text that begins with [ or { goes into quotes"
    broken = isinstance(value, str) and re.search("[\ud800-\udfff]", value)
    return "it has bytes or escapes that are no characters" if broken else ""


def for_path(value):
    """Tell of signs in a path that nobody means to be there."""
    if isinstance(value, str):
        return for_lookalikes(value)
    return for_text(value) if isinstance(value, int | float) else ""


def for_callback(value):
    """Return how to write the path of one of Keras's callbacks, as Python has it: tf.keras.callbacks.History()."""
    found = re.fullmatch(r"(?:(?:tf\.)?(?:keras\.)?callbacks\.)?([A-Z]\w*)(\(.*\))?", value)
    if not found:
        return ""
    arguments = "; arguments stand beside it: {name: …, patience: 3}" if found[2] else ""
    return f"write keras.callbacks.{found[1]}{arguments}"


def for_missing(path):
    """Tell of line ends, tabs and the like in a path, or a part of one, where there is no such file."""
    if not re.search(_CONTROL, path):
        return ""
    return "in double quotes a backslash begins a sign, as in \\n and \\t; write it in single quotes, or with /"
