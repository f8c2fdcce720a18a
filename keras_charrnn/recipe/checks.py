"""What the value of a key may be: the accepted values in words, and the way to their normal form.

A check is called with a value, its path and a list of problems. It returns the normal form, or adds to the problems.
"""

import dataclasses
import math
import numbers
import os
import re
import reprlib
from collections.abc import Callable, Mapping

from keras_charrnn.common.importing import suggest
from keras_charrnn.recipe import hints

LARGEST = 10**9  # of any size or count: within 32 bits, and beyond what any machine trains
_SHOWN = reprlib.Repr()
_SHOWN.maxlevel, _SHOWN.maxstring, _SHOWN.maxother = 2, 60, 60


def show(value):
    """Return a value as a message shows it: short, and in YAML's words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        return _SHOWN.repr(value)
    except ValueError:  # Python refuses to print an int of more than 4,300 digits
        return f"a value of type {type(value).__name__}"


def refusal(path, accepted, value, choices=(), hint=""):
    """Return the message for a value that is not accepted; `hint` says what to write in its place."""
    near = suggest(value, choices) if isinstance(value, str) else ""
    return f"{path}: must be {accepted}, not {show(value)}{near}{hint and f'; {hint}'}"


def join(path, key):
    """Return the path of `key` below `path` ("" for the top of a recipe)."""
    label = key if isinstance(key, str) and key.isprintable() and 0 < len(key) <= 60 else show(key)
    return f"{path}.{label}" if path else label


def unknown_key(path, key, keys):
    """Return the message for a key that is none of `keys`."""
    hint = hints.for_key(key)
    return f"{join(path, key)}: unknown key{suggest(key, keys)} (accepted: {', '.join(keys)}){hint and f'; {hint}'}"


@dataclasses.dataclass(frozen=True)
class Check:
    """A check of one plain value.

    Args:
        accepted: Completes "must be …".
        convert: Returns the normal form, or raises TypeError, ValueError or OverflowError.
        choices: Names among which to look for the nearest.
        hint: Called with a value that is not accepted; returns what to write in its place, or "".
    """

    accepted: str
    convert: Callable
    choices: tuple = ()
    hint: Callable = hints.nothing

    def __call__(self, value, path, problems):
        try:
            return self.convert(value)
        except (TypeError, ValueError, OverflowError):
            problems.append(refusal(path, self.accepted, value, self.choices, self.hint(value)))
            return None


def whole(minimum, maximum=LARGEST):
    """Accept a whole number from `minimum` to `maximum`."""

    def convert(value):
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not minimum <= value <= maximum:
            raise ValueError
        return int(value)

    return Check(f"a whole number from {minimum} to {maximum:,}", convert, hint=hints.for_whole)


def number(bounds, within):
    """Accept a finite number for which `within` holds; `bounds` says the same in words."""

    def convert(value):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError
        value = float(value)
        if not (math.isfinite(value) and within(value)):
            raise ValueError
        return value

    return Check(f"a number {bounds}", convert, hint=hints.for_number)


def one_of(*choices):
    """Accept one of a few words."""

    def convert(value):
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return str(value)

    return Check(" or ".join(filter(None, (", ".join(choices[:-1]), choices[-1]))), convert, choices)


def text(accepted="a text", pattern=r"[^\0\ud800-\udfff]+", fits=bool, choices=()):
    """Accept a text that matches `pattern` from end to end, and for which `fits` holds and raises nothing."""

    def convert(value):
        if not (re.fullmatch(pattern, value, re.DOTALL) and fits(value)):
            raise ValueError
        return str(value)

    return Check(accepted, convert, choices, hints.for_text)


def pathname(accepted):
    """Accept a text without typographic quotes around it, or from Python a path."""
    pattern = rf"(?![{hints.QUOTES}].*[{hints.QUOTES}]\Z)[^\0\ud800-\udfff]+"
    check = text(accepted, pattern)
    return dataclasses.replace(check, convert=lambda value: check.convert(os.fspath(value)), hint=hints.for_path)


def flag():
    """Accept true or false."""

    def convert(value):
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Check("true or false", convert, hint=hints.for_flag)


def several(check, plural, minimum=0):
    """Accept a list of at least `minimum` values, each accepted by `check`; its normal form is a tuple."""

    def convert(value):
        if not isinstance(value, list | tuple) or len(value) < minimum:
            raise ValueError
        return tuple(map(check.convert, value))

    def hint(value):
        if not isinstance(value, list | tuple):
            return hints.for_list(value, check)
        refused = []
        for each in value:
            check(each, "", refused)
            if refused:
                return check.hint(each)
        return ""

    return Check(f"a list of {plural}", convert, hint=hint)


def by_name(check, plural):
    """Accept a mapping from names to values, each accepted by `check`."""

    def convert(value):
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise TypeError
        return {str(name): check.convert(each) for name, each in value.items()}

    return Check(f"a mapping from names to {plural}", convert)


def either(*checks):
    """Accept what the first of `checks` accepts, or the next."""

    def convert(value):
        for check in checks:
            try:
                return check.convert(value)
            except (TypeError, ValueError, OverflowError):
                continue
        raise ValueError

    def hint(value):
        return next(filter(None, (check.hint(value) for check in checks)), "")

    choices = tuple(choice for check in checks for choice in check.choices)
    return Check(" or ".join(check.accepted for check in checks), convert, choices, hint)


def optional(check):
    """Accept null, for "none", besides what `check` accepts."""

    def convert(value):
        return None if value is None else check.convert(value)

    def hint(value):
        return hints.for_null(value) or check.hint(value)

    return Check(f"{check.accepted}, or null", convert, check.choices, hint)


def anything():
    """Accept whatever a YAML file can hold: for arguments that go to somebody else's class."""
    accepted = "text (but for yes, no, on and off), a finite number, true, false, null, or a list or mapping of these"
    return Check(accepted, _plain, hint=lambda value: hints.for_flag(value) if isinstance(value, str) else "")


def _plain(value, depth=0):
    if depth > 8:  # also the end of a list that contains itself
        raise ValueError
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() not in hints.FORMER_FLAGS:  # to Keras they would all be true
        return str(value)
    if isinstance(value, numbers.Integral) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): _plain(each, depth + 1) for key, each in value.items()}
    raise TypeError
