"""Keras's own settings, in its file, in the environment or in the process, where a model could not work with them."""

import importlib.abc
import json
import os
import pathlib
import sys

from keras_charrnn.errors import SettingsError

BACKEND = "tensorflow"
FLOATS = ("float32", "float64")  # float64 is for checks


class BeforeKeras(importlib.abc.MetaPathFinder):
    """Asked first, and finds nothing: before a module that imports Keras is imported, looks at what Keras is told.

    Args:
        modules: Names of the modules, or of packages of them, that import Keras.
    """

    def __init__(self, modules):
        self._modules = set(modules)

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self._modules:
            require_tensorflow()
        return None


def require_tensorflow():
    """See to it that Keras runs on TensorFlow, or will when it is imported.

    Raises:
        SettingsError: If it does not; the message names the setting and where it comes from.
    """
    written, variable = _file(), os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
    else:
        backend = variable or _read(written).get("backend", BACKEND)
        if (floatx := _read(written).get("floatx", FLOATS[0])) not in FLOATS:
            raise SettingsError(_not_float32(f'"floatx": "{floatx}" in {written}'))
    if backend != BACKEND:
        where = f"KERAS_BACKEND={variable} in the environment" if variable else f'"backend": "{backend}" in {written}'
        raise SettingsError(
            f"Keras is to run on {backend!r}, for {where}; keras_charrnn needs Keras on TensorFlow: set "
            f"KERAS_BACKEND={BACKEND} in the environment before Keras is imported"
        )


def require_float32(policy=None, accepted=FLOATS):
    """See to it that what is made keeps its numbers in float32, or float64.

    Args:
        policy: A `keras.DTypePolicy`; None for Keras's global one.
        accepted: The types.

    Raises:
        SettingsError: If it does not; the message names the setting and where it comes from.
    """
    import keras

    floatx, common = keras.config.floatx(), keras.config.dtype_policy()
    policy = policy or common
    plain = getattr(policy, "quantization_mode", None) is None
    if plain and {floatx, policy.compute_dtype, policy.variable_dtype} <= set(accepted):
        return
    if policy.name == floatx and _read(_file()).get("floatx") == floatx:
        setting = f'"floatx": "{floatx}" in {_file()}'
    elif policy == common:
        setting = f"keras.config.set_{'floatx' if policy.name == floatx else 'dtype_policy'}({policy.name!r})"
    else:
        setting = f"dtype={policy.name!r}"
    raise SettingsError(_not_float32(setting))


def require_no_limits():
    """See to it that Keras does not end trainings early.

    Raises:
        SettingsError: If it is told to.
    """
    import keras

    for name in ("max_epochs", "max_steps_per_epoch"):
        limit = getattr(keras.config, name, lambda: None)()  # not in each release
        if limit is not None:
            variable = f"KERAS_{name.upper()}"
            where = f"{variable}={limit} in the environment" if variable in os.environ else f"keras.config.set_{name}"
            raise SettingsError(
                f"Keras is to end each training early, for {where}; take that back: training.epochs and "
                "corpus.max_bytes make a training short"
            )


def _not_float32(setting):
    return (
        f"{setting} asks for weights and states in another type than float32, which keras_charrnn needs: take float32 "
        "there. Products alone are made in bfloat16 by compute.precision in a recipe, or `precision` of a model"
    )


def _file():
    """Return the path of Keras's file of settings, as Keras finds it."""
    home = pathlib.Path(os.path.expanduser("~"))  # noqa: PTH111 (pathlib's raises an error where nobody has a home)
    folder = os.environ.get("KERAS_HOME") or (home if os.access(home, os.W_OK) else pathlib.Path("/tmp")) / ".keras"
    return pathlib.Path(os.path.expanduser(folder)) / "keras.json"  # noqa: PTH111


def _read(path):
    """Return what the file says, a mapping; Keras too takes one that it cannot read for empty."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
