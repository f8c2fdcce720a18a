"""Arguments of Keras's optimizers and of callbacks: what the constructors' own words tell, before any is made.

Keras takes some arguments that it does not know without a word, and others of a wrong kind until it computes with them.
"""

import importlib.metadata
import inspect

from keras_charrnn.errors import SettingsError
from keras_charrnn.recipe.checks import refusal, unknown_key
from keras_charrnn.recipe.hints import for_flag, for_number

SINCE = {"muon": (3, 13), "schedule_free_adamw": (3, 14)}  # the releases from which on Keras has what is needed
_NUMBERS = (bool, int, float)
_RANGES = ("profile_batch",)  # 0 by default, and two numbers in a text where they are given


def lacking(name):
    """Return what an optimizer lacks in the Keras that is installed, a sentence, or None."""
    least, present = SINCE.get(name, ()), importlib.metadata.version("keras")
    if tuple(map(int, present.split(".")[:2])) >= least:
        return None
    least = ".".join(map(str, least))
    return f"{name} needs Keras {least} or later, and this is {present}; pip install 'keras>={least}', or take adamw"


def optimizer_class(name):
    """Return Keras's optimizer of a name in a recipe.

    Raises:
        SettingsError: If Keras is too old for it.
    """
    import keras  # here, so that reading a recipe does not need Keras

    if problem := lacking(name):
        raise SettingsError(f"training.optimizer: {problem}")
    return next(each for key, each in vars(keras.optimizers).items() if key.lower() == name.replace("_", ""))


def package_of(cls):
    """Return the name of the package that a class is from."""
    return cls.__module__.partition(".")[0]


def misfits(cls, given, path, numbers=False):
    """Return the problems of arguments that a class does not take, lacks, or takes as numbers alone.

    Args:
        cls: A class. Only one of Keras's, or one without further keywords, is known to take no others than it names.
        given: A mapping from names to plain values; "name" is the class's.
        path: Of the arguments in the recipe.
        numbers: Whether what is None by default is a number too.
    """
    given = {name: value for name, value in given.items() if name != "name"}
    taken = inspect.signature(cls).parameters.values()
    named = {each.name: each for each in taken if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
    named.pop("name", None)
    problems = []
    if package_of(cls) == "keras" or not any(each.kind == each.VAR_KEYWORD for each in taken):
        problems += [unknown_key(path, name, tuple(named)) for name in given if name not in named]
    problems += [
        f"{path}: {cls.__name__} needs the argument {name}"
        for name, each in named.items()
        if each.default is each.empty and name not in given
    ]
    for name, value in given.items():
        default = named[name].default if name in named else ""
        if isinstance(value, _NUMBERS) or value is default or name in _RANGES:
            continue
        if isinstance(default, bool):
            problems.append(refusal(f"{path}.{name}", "true or false", value, hint=for_flag(value)))
        elif isinstance(default, _NUMBERS) or (numbers and default is None):
            problems.append(refusal(f"{path}.{name}", "a number", value, hint=for_number(value)))
    return problems
