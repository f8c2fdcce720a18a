"""What varies in a comparison: cells, optimizers and other keys of the recipe, each with the values that it takes."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe.checks import anything, join, refusal, show
from keras_charrnn.recipe.search import SEARCHABLE, SEARCHED, is_searched
from keras_charrnn.studies.comparison.results import Variant
from keras_charrnn.training import read_recipe

# Of those that are asked for by names.
COLUMNS = {"vocabulary.unit": "unit", "model.cell": "cell", "training.optimizer": "optimizer"}
EXAMPLE = "--cells gru,lstm, --optimizers adamw,lion, --vocabularies byte,word or --set-grid model.units=128,256"


@dataclasses.dataclass(frozen=True)
class Axis:
    """One thing that varies.

    Attributes:
        path: Of the recipe's key.
        column: Its name in a table.
        words: Of each value what a table says.
        values: What the recipe gets, in the normal form of its key.
        plans: The recipe with each value, as far as it can have it without those of other axes.
    """

    path: str
    column: str
    words: list
    values: list
    plans: list


def read_axes(plan, overrides, cells, optimizers, vocabularies, grid):
    """Return a list of `Axis` for what is asked for, in order.

    Args:
        plan: A `Recipe`, with the overrides laid over it.
        overrides, cells, optimizers, vocabularies, grid: As in `compare`.

    Raises:
        RecipeError: If nothing varies, or a key or a value cannot; the message lists every problem.
    """
    problems = []
    named = {
        "vocabulary.unit": ("vocabularies", _listed(vocabularies)),
        "model.cell": ("cells", _listed(cells)),
        "training.optimizer": ("optimizers", _listed(optimizers)),
    }
    asked = {path: (label, values) for path, (label, values) in named.items() if values != []}
    if not isinstance(grid, Mapping):
        problems.append(refusal("grid", "a mapping such as {'model.units': [128, 256]}", grid))
        grid = {}
    for key, values in grid.items():
        label, reason = join("grid", key), _refused_key(key, asked, overrides)
        if reason:
            problems.append(f"{label}: {reason}")
        else:
            asked[key] = (label, _listed(values))
    if not asked and not problems:
        problems.append(f"nothing varies; write cells, optimizers or a grid, as in {EXAMPLE}")
    axes = {}
    for path in sorted(asked):  # a key after what it is a part of
        axes[path] = _read_axis(path, *asked[path], plan, axes, problems)
    if problems:
        raise RecipeError(problems, "compare")
    return [axes[path] for path in asked]


def make_variants(axes):
    """Return a `Variant` for each combination of values, the last axis varying fastest."""
    made = []
    for row in itertools.product(*(zip(axis.words, axis.values, strict=True) for axis in axes)):
        pairs = list(zip(axes, row, strict=True))
        overrides = {axis.path: value for axis, (_, value) in pairs}
        made.append(Variant({axis.column: words for axis, (words, _) in pairs}, dict(sorted(overrides.items()))))
    return made


def in_a_table(value):
    """Return a value of a key as a table has it: `rhn, depth: 4` for {"name": "rhn", "depth": 4}."""
    if isinstance(value, Mapping):
        pairs = [f"{key}: {in_a_table(each)}" for key, each in value.items() if key != "name"]
        return ", ".join(([in_a_table(value["name"])] if "name" in value else []) + pairs)
    return value if isinstance(value, str) and value.isprintable() else show(value)


def _listed(values):
    """Return values as a list; what cannot be one as it is."""
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str | Mapping) else values


def _refused_key(key, asked, overrides):
    """Return why a key of the grid cannot vary; "" if it can."""
    if not is_searched(key) or "." not in key:
        near = suggest(str(key).partition(".")[0], SEARCHABLE)
        accepted = f"a key within {SEARCHED}, as in model.units; the text is the same for all"
        return f"is no key that can vary{near} (accepted: {accepted})"
    if key in asked:
        return f"is given twice, by {asked[key][0]} too; leave out one"
    for path, value in overrides.items():
        keys = [f"{path}.{inner}" for inner in value] if isinstance(value, Mapping) and "." not in path else [path]
        if lost := next((each for each in keys if f"{each}.".startswith(f"{key}.")), None):
            return f"is given twice, for {lost} is set by an override too; leave out one"
    return ""


def _read_axis(path, label, values, plan, axes, problems):
    """Return an axis; add to `problems` what is wrong with it."""
    axis = Axis(path, COLUMNS.get(path, path), [], [], [])
    if not isinstance(values, list) or not values:
        problems.append(refusal(label, "a list of one or more values", values))
        return axis
    outer = next((each for each in reversed(axes.values()) if path.startswith(f"{each.path}.")), None)
    bases = outer.plans if outer is not None and outer.plans else [plan]
    found = []
    for each in values:
        own = _at(plan, path)
        value = own if isinstance(own, Mapping) and own.get("name") == each else each
        plans, refused = _read_with(path, value, bases)
        found.append(refused)
        axis.words.append(in_a_table(each))
        axis.values.append(_at(plans[0], path) if plans else anything()(value, path, []))
        axis.plans.extend(plans)
    common = [each for each in found[0] if all(each in others for others in found)]
    problems += [f"{label}{each}" for each in common]  # of the key, whatever its value
    problems += [f"{label}[{i}]{each}" for i, own in enumerate(found) for each in own if each not in common]
    twice = [words for i, words in enumerate(axis.words) if not found[i] and axis.values[i] in axis.values[:i]]
    problems += [f"{label}: {words} is there twice" for words in dict.fromkeys(twice)]
    return axis


def _read_with(path, value, bases):
    """Return those of some recipes that take a value, with it, and the problems of it where none does.

    Keys that do not go together are none: which go with which is known only when all have their values.
    """
    plans, refused = [], []
    for base in bases:
        try:
            plans.append(read_recipe(base, {path: value}))
            refused.append([])
        except RecipeError as error:
            refused.append([each.removeprefix(path) for each in error.problems if each.startswith(path)])
    return plans, min(refused, key=len)


def _at(plan, path):
    """Return the value of a key of a recipe; None where it has none."""
    value = plan.to_mapping()
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
