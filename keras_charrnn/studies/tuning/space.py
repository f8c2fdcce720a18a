"""What a search chooses from: the section `tune` of a recipe as Optuna's distributions, and back to values."""

import itertools
import math

from keras_charrnn.recipe.search import is_whole

GRID = 10_000  # most combinations that are listed, so that none is tried twice
DIGITS = 4  # of a number drawn from a range: more would decide nothing


class Space:
    """The values of each key.

    To Optuna a choice is its index, and a value of a range with a step the number of steps.

    Args:
        search: The section `tune`, in its normal form.

    Attributes:
        grid: Every combination, a list of mappings from paths to values; None where there are too many.
    """

    def __init__(self, search):
        self._search = search
        counts = [_count(each) for each in search.values()]
        self.grid = None
        if math.prod(counts) <= GRID:
            columns = ([_value(each, i) for i in range(n)] for each, n in zip(search.values(), counts, strict=True))
            self.grid = [dict(zip(search, row, strict=True)) for row in itertools.product(*columns)]

    def distributions(self, optuna):
        """Return Optuna's distribution for each path."""
        return {path: _distribution(each, optuna.distributions) for path, each in self._search.items()}

    def to_values(self, params):
        """Return the values of a recipe's keys for what Optuna chose."""
        return {path: _from_param(each, params[path]) for path, each in self._search.items()}

    def to_params(self, values):
        """Return what Optuna would have chosen for values.

        Raises:
            KeyError, TypeError, ValueError: If they are not of this space.
        """
        return {path: _to_param(each, values[path]) for path, each in self._search.items()}


def _count(each):
    """Return how many values there are: a whole number, or infinity."""
    if isinstance(each, list):
        return len(each)
    if "step" in each:
        return int((each["to"] - each["from"]) / each["step"] + 1e-9) + 1
    return each["to"] - each["from"] + 1 if is_whole(each) else math.inf


def _value(each, index):
    """Return a value by its index, of what has finitely many."""
    if isinstance(each, list):
        return each[index]
    value = each["from"] + index * each.get("step", 1)
    return value if isinstance(value, int) else float(f"{value:.12g}")


def _distribution(each, distributions):
    if isinstance(each, list):
        return distributions.CategoricalDistribution(range(len(each)))
    if "step" in each:
        return distributions.IntDistribution(0, _count(each) - 1)
    kind = distributions.IntDistribution if is_whole(each) else distributions.FloatDistribution
    return kind(each["from"], each["to"], log=each.get("log", False))


def _from_param(each, param):
    if isinstance(each, list) or "step" in each:
        return _value(each, param)
    if is_whole(each):
        return int(param)
    return min(max(float(f"{param:.{DIGITS}g}"), each["from"]), each["to"])


def _to_param(each, value):
    if isinstance(each, list):
        return each.index(value)
    if "step" in each:
        value = round((value - each["from"]) / each["step"])
        low, high = 0, _count(each) - 1
    else:
        low, high = each["from"], each["to"]
    if not low <= value <= high:
        raise ValueError(f"{value!r} is not within the range")
    return value
