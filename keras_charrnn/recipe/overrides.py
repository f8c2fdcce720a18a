"""Overrides: dotted paths to values, laid over a recipe's mapping before it is checked."""

from collections.abc import Mapping

from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe.checks import refusal, show
from keras_charrnn.recipe.reading import load_text
from keras_charrnn.recipe.schema import plain_value

SIGNS = "{[\"'"  # what begins a value that is YAML


def parse_override(text):
    """Split "model.units=256" into its path and its value.

    A value that begins with {, [, " or ' is YAML. Any other is one plain word to YAML, however many it looks like: a
    number, true, false, null, or else the text as it stands, "ROMEO:" and "#include" too.

    Returns:
        The pair (path, value): ("model.units", 256).

    Raises:
        RecipeError: If there is no "=", nothing before it, or no YAML behind it where there should be.
    """
    path, written = _divide(text, "a value, as in model.units=256", "--set")
    if not written.lstrip().startswith(tuple(SIGNS)):
        value = plain_value(written.strip() or written)
        return path, written if isinstance(value, str) else value
    value, problems = load_text(written, f"--set {path}")
    if problems:
        raise RecipeError(problems, f"--set {path}")
    return path, value


def parse_list(text, source):
    """Return the values of "gru,lstm" or "gru,{name: rhn, depth: 2}", divided by commas.

    Raises:
        RecipeError: If there is a bracket or quote, and it is no YAML.
    """
    if not any(sign in text for sign in SIGNS):
        return [plain_value(each.strip()) for each in text.split(",") if each.strip()]
    values, problems = load_text(f"[{text}]", source)
    if problems:
        raise RecipeError(problems, source)
    return values


def parse_grid(texts, source):
    """Return {path: list of values} of texts such as "model.units=128,256", the values as in `parse_list`.

    Raises:
        RecipeError: If one has no "=", nothing before it, a path that is there twice, or no YAML where it should be.
    """
    grid = {}
    for text in texts:
        path, written = _divide(text, "values, as in model.units=128,256", source)
        if path in grid:
            raise RecipeError(f"{path}: is given twice; write all of its values behind one {source}", source)
        grid[path] = parse_list(written, f"{source} {path}")
    return grid


def _divide(text, wanted, source):
    """Return what is before the first "=", and what is behind it."""
    path, equals, written = text.partition("=")
    if not (equals and path.strip()):
        raise RecipeError(f"{text!r} sets nothing; write a path, '=' and {wanted}", source)
    return path.strip(), written


def apply_overrides(mapping, overrides, problems):
    """Return `mapping` with the overrides laid over it; the mapping itself stays as it is.

    An unknown path is put in like any other, for the check of the whole to report.

    Args:
        mapping: A recipe as a mapping.
        overrides: {"model.units": 256, ...}. A mapping for a whole section, {"model": {"units": 256}}, sets the keys
            that it has and leaves the others.
        problems: List to which overrides that cannot be laid over are added.
    """
    mapping, done = dict(mapping), []
    for path, value in overrides.items():
        if not isinstance(path, str):
            problems.append(refusal("overrides", "a mapping whose keys are paths such as 'model.units'", overrides))
            continue
        whole = isinstance(value, Mapping) and "." not in path
        for keys, each in [((path, key), each) for key, each in value.items()] if whole else [(path.split("."), value)]:
            label = ".".join(map(str, keys))
            if lost := next((other for other in done if other.startswith(f"{label}.")), None):
                problems.append(f"{label}: would take back {lost}, which is set before it; set {label} first")
            else:
                _put(mapping, keys, each, problems)
                done.append(label)
    return mapping


def _put(mapping, path, value, problems):
    for depth, key in enumerate(path[:-1], start=1):
        inner = mapping.get(key)
        if isinstance(inner, str) and depth == 2:  # `optimizer: adam` is short for `optimizer: {name: adam}`
            inner = {"name": inner}
        if inner is not None and not isinstance(inner, Mapping):
            where = ".".join(path[:depth])
            problems.append(f"{'.'.join(map(str, path))}: cannot be set, for {where} is {show(inner)} and no mapping")
            return
        mapping[key] = dict(inner or {})
        mapping = mapping[key]
    mapping[path[-1]] = value
