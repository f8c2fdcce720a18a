"""The section `tune`: keys to search, each with choices or a range, and what of these a key must accept."""

import math
import numbers
import re
from collections.abc import Mapping

from keras_charrnn.recipe.checks import anything, flag, join, number, refusal, show, unknown_key

# Losses are compared on one text, one split of it and one set of symbols.
SEARCHABLE = ("windows", "model", "training", "states")
SEARCHED = f"{', '.join(SEARCHABLE[:-1])} or {SEARCHABLE[-1]}"  # in words
RANGE = ("from", "to", "log", "step")
PATH = re.compile(r"\w+(\.\w+)*")
END = number("from -1e15 to 1e15", lambda value: abs(value) <= 1e15)


def is_searched(key):
    """Whether something is the path of a key that can have other values in other trainings of a study."""
    is_path = isinstance(key, str) and len(key) <= 60 and PATH.fullmatch(key)
    return bool(is_path) and key.partition(".")[0] in SEARCHABLE


class SearchCheck:
    """Accepts a mapping from paths of keys to lists of choices or to ranges.

    The normal form has plain lists, and of a range those of its keys that were given.
    """

    accepted = "a mapping from keys to lists of choices, or to ranges {from: …, to: …, log: true} or {…, step: …}"

    def convert(self, value):
        """Return the normal form of a value that is known to be accepted."""
        return self(value, "", [])

    def __call__(self, value, path, problems):
        value = {} if value is None else value
        if not isinstance(value, Mapping):
            problems.append(refusal(path, self.accepted, value))
            return None
        normal = {}
        for key, each in value.items():
            where = join(path, key)
            if not is_searched(key):
                accepted = f"a key within {SEARCHED}, as in model.units"
                problems.append(f"{where}: is no key to search; accepted: {accepted}")
            elif isinstance(each, Mapping):
                normal[str(key)] = _range(each, where, problems)
            elif isinstance(each, list | tuple) and each:
                count = len(problems)
                choices = [anything()(choice, f"{where}[{i}]", problems) for i, choice in enumerate(each)]
                if len(problems) == count:
                    problems += [f"{where}[{i}]: is there twice" for i in range(len(each)) if choices[i] in choices[:i]]
                normal[str(key)] = choices
            else:
                accepted = "a list of one or more choices, or a range {from: …, to: …}"
                problems.append(refusal(where, accepted, each))
        return normal


def _range(given, path, problems):
    count = len(problems)
    problems += [unknown_key(path, key, RANGE) for key in given if key not in RANGE]
    problems += [f"{path}: has no {end}; a range is {{from: …, to: …}}" for end in RANGE[:2] if end not in given]
    normal = {}
    for name in RANGE:
        if name in given:
            whole = isinstance(given[name], numbers.Integral) and not isinstance(given[name], bool)
            value = (flag() if name == "log" else END)(given[name], f"{path}.{name}", problems)
            normal[name] = int(given[name]) if whole and value is not None else value
    if len(problems) > count:
        return normal
    begin, end = normal["from"], normal["to"]
    if not (begin < end and math.isfinite(end - begin)):
        problems.append(f"{path}: must have from below to, not {show(begin)} and {show(end)}")
    if normal.get("log") and begin <= 0:
        problems.append(f"{path}: must have from above 0 with log, not {show(begin)}")
    if normal.get("log") and "step" in normal:
        problems.append(f"{path}: has both log and step, which exclude one another; keep one")
    if "step" in normal and not 0 < normal["step"] <= end - begin:
        problems.append(f"{path}.step: must be above 0 and at most to - from, not {show(normal['step'])}")
    if isinstance(normal.get("step"), float) and is_whole(normal):
        problems.append(f"{path}.step: must be whole, as from and to are, not {show(normal['step'])}")
    return normal


def is_whole(limits):
    """Whether a range is of whole numbers."""
    return isinstance(limits["from"], int) and isinstance(limits["to"], int)


def candidates(search):
    """Yield (path, place in the section, value) of all that a key must accept: each choice, and a range's ends."""
    for path, each in search.items():
        if isinstance(each, Mapping):
            yield from ((path, f"{path}.{end}", each[end]) for end in ("from", "to"))
            # Between two whole ends with a step that is none there would be values that a whole key refuses.
            if "step" in each:
                yield path, f"{path}.step", each["from"] + each["step"]
        else:
            yield from ((path, f"{path}[{i}]", choice) for i, choice in enumerate(each))
