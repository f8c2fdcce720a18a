"""Choices with settings of their own, `exponential` or `{name: exponential, rate: 0.97}`, and lists of these."""

import dataclasses
from collections.abc import Mapping

from keras_charrnn.recipe.checks import Check, anything, join, refusal, unknown_key


@dataclasses.dataclass(frozen=True)
class Named:
    """A check of a choice with settings: `exponential`, or `{name: exponential, rate: 0.97}`.

    The normal form is a dict of "name" and all the settings.

    Args:
        name: Check of the name.
        default: The name where a mapping gives none.
        settings: For each name, its settings: {key: (default, check)}.
        further: Whether other keys are accepted too, with any plain value, and what they are, in words.
    """

    name: Check
    default: str
    settings: Mapping
    further: str = ""

    @property
    def accepted(self):
        """The accepted values in words."""
        forms = []
        for settings in {tuple(each): each for each in self.settings.values()}.values():
            names = [name for name, each in self.settings.items() if tuple(each) == tuple(settings)]
            rules = [f"{key} ({check.accepted})" for key, (_, check) in settings.items()]
            forms.append(f"{', '.join(names)}{' with ' if rules else ''}{', '.join(rules)}")
        forms = "; ".join(forms) or self.name.accepted
        return f"{forms}, as a name or as {{name: …, key: …}}{' with ' if self.further else ''}{self.further}"

    def convert(self, value):
        """Return the normal form of a value that is known to be accepted."""
        return self(value, "", [])

    def __call__(self, value, path, problems):
        given = {"name": value} if isinstance(value, str) else value
        if not isinstance(given, Mapping):
            problems.append(refusal(path, self.accepted, value))
            return None
        if not (self.default or "name" in given):
            problems.append(f"{path}: has no name; write {self.name.accepted}")
            return None
        name = self.name(given.get("name", self.default), path if given is not value else f"{path}.name", problems)
        if name is None:  # which keys are accepted depends on it
            return None
        normal = {"name": name}
        for key, (default, check) in self.settings.get(name, {}).items():
            normal[key] = check(given[key], join(path, key), problems) if key in given else default
        keys = tuple(normal)
        for key in given:
            if key not in keys and self.further and isinstance(key, str):
                normal[str(key)] = anything()(given[key], join(path, key), problems)
            elif key not in keys:
                problems.append(unknown_key(path, key, keys))
        return normal


@dataclasses.dataclass(frozen=True)
class Each:
    """A check of a list of choices with settings; the normal form is a tuple of those of `check`, a `Named`."""

    check: Named
    plural: str

    @property
    def accepted(self):
        """The accepted values in words."""
        return f"a list of {self.plural}, each {self.check.accepted}"

    def convert(self, value):
        """Return the normal form of a value that is known to be accepted."""
        return self(value, "", [])

    def __call__(self, value, path, problems):
        if not isinstance(value, list | tuple):
            problems.append(refusal(path, self.accepted, value))
            return None
        return tuple(self.check(each, f"{path}[{index}]", problems) for index, each in enumerate(value))
