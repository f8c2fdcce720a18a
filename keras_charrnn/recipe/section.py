"""What a section of a recipe is: a frozen dataclass whose fields are keys, and the way to it from a mapping."""

import dataclasses
from collections.abc import Mapping

from keras_charrnn.recipe.checks import refusal, unknown_key


def key(default, description, check, name=None):
    """Declare a key of a section.

    Args:
        default: Its value where the recipe gives none, as it would stand in YAML.
        description: What it is, in one line.
        check: What it accepts.
        name: Its name in the recipe, where that is no Python identifier.
    """
    metadata = {"default": default, "description": description, "check": check, "name": name}
    return dataclasses.field(default_factory=lambda: check.convert(default), metadata=metadata)


def keys(section):
    """Return {name in the recipe: dataclass field} of a section, in order."""
    return {each.metadata["name"] or each.name: each for each in dataclasses.fields(section) if each.metadata}


def build(section, mapping, path, problems):
    """Return a section from a mapping; add to `problems` whatever is wrong with it."""
    known = keys(section)
    if not isinstance(mapping, Mapping):
        problems.append(refusal(path, f"a mapping of some of the keys {', '.join(known)}", mapping))
        return section()
    found = [unknown_key(path, each, known) for each in mapping if each not in known]
    values = {}
    for name, field in known.items():
        if name in mapping:
            count = len(found)
            value = field.metadata["check"](mapping[name], f"{path}.{name}" if path else name, found)
            if len(found) == count:
                values[field.name] = value
    values = values if found else section.complete(values, found)
    built = section(**values)
    problems += found or built.conflicts()
    return built


class Section:
    """Base of the sections."""

    @classmethod
    def complete(cls, values, problems):
        """Return the values of the keys that are given, and of those that follow from them."""
        return values

    def conflicts(self):
        """Return the problems of keys that are each accepted but do not go together."""
        return []
