"""What must hold for the configuration of a cell and for its `.keras` file, read in another process."""

import functools
import importlib.util
import inspect
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

from keras_charrnn import registry
from keras_charrnn.errors import SettingsError, describe
from keras_charrnn.layers import Recurrent
from keras_charrnn.testing.fault import Fault, Unchecked, require_equal
from keras_charrnn.testing.subject import BATCH, TIME, WIDTH

TIMEOUT = 600  # seconds
READ = "import sys; from keras_charrnn import testing; from keras_charrnn.testing.fresh import main; main(sys.argv[1])"
FRESH = "KERAS_CHARRNN_FRESH_PROCESS"  # set in the environment of the other process


def configuration(subject):
    """`get_config` has all arguments of the constructor, and `from_config` makes an equal cell of it."""
    cell, cls = subject.cell, type(subject.cell)
    config = cell.get_config()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [name for name, each in inspect.signature(cls).parameters.items() if each.kind not in kinds]
    missing = [name for name in dict.fromkeys([*named, *subject.arguments]) if name not in config]
    if missing:
        raise Fault(
            "get_config to have every argument of the constructor",
            f"none of {', '.join(map(repr, missing))}" if len(missing) > 1 else f"no {missing[0]!r}",
            'an argument that get_config leaves out; return {**super().get_config(), "name": self.name, …}',
        )
    expected, cause = "from_config(get_config()) to make an equal cell", "get_config has not what the constructor takes"
    try:
        twin = cls.from_config(cell.get_config())
        Recurrent(twin).build((BATCH, TIME, WIDTH))
    except Exception as error:  # whatever the constructor raises
        raise Fault(expected, describe(error), cause) from error
    before, after = (json.dumps(each, default=_plain, sort_keys=True) for each in (config, twin.get_config()))
    if before != after:
        raise Fault(expected, f"{after} from {before}", cause)
    shapes = [[tuple(weight.shape) for weight in each.weights] for each in (cell, twin)]
    if shapes[0] != shapes[1]:
        raise Fault(expected, f"weights {shapes[1]} in place of {shapes[0]}", cause)


def _plain(value):
    return keras.saving.serialize_keras_object(value)


def saving(subject):
    """A model with the cell, saved and read in a fresh process, gives the same outputs."""
    (fault,) = round_trips([subject])
    if fault is not None:
        raise fault
    cls = type(subject.cell)
    if not _is_importable(cls):
        raise Unchecked(
            f"saved and read in this process alone, which went well: another one could not import {cls.__qualname__}; "
            "define it at the top of a file to have that checked too"
        )


def round_trips(subjects):
    """Save a model with each cell, read all in one fresh process, and compare the outputs.

    What that process could not import, such as a class of a notebook, is read in this one.

    Args:
        subjects: List of `Subject`. The other process imports what registers each cell: its plugin's file or module.

    Returns:
        For each of them a `Fault`, or None.

    Raises:
        SettingsError: If this is such a process already: a script that checks its cell whenever it is imported.
    """
    if FRESH in os.environ:
        raise SettingsError(
            'the file with the cell calls the check when it is imported; call it below `if __name__ == "__main__":`'
        )
    faults, jobs, wanted = [None] * len(subjects), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for index, subject in enumerate(subjects):
            try:
                wanted[index] = _save(subject, folder / f"{index}.keras", folder / f"{index}.inputs.npy")
                if not _is_importable(type(subject.cell)):
                    require_equal([_read_here(subject, folder / f"{index}.keras")], [wanted[index]], *_WORDS)
                    continue
                jobs[index] = {
                    "model": str(folder / f"{index}.keras"),
                    "inputs": str(folder / f"{index}.inputs.npy"),
                    "outputs": str(folder / f"{index}.outputs.npy"),
                    "plugin": _plugin(type(subject.cell)),
                }
            except Fault as fault:
                faults[index] = fault
            except Exception as error:  # whatever the cell raises
                faults[index] = _fault(describe(error))
        if jobs:
            errors = _read_elsewhere(list(jobs.values()), folder)
        for (index, job), error in zip(jobs.items(), errors if jobs else (), strict=True):
            try:
                if error:
                    raise _fault(error)
                require_equal([np.load(job["outputs"])], [wanted[index]], *_WORDS)
            except Fault as fault:
                faults[index] = fault
    return faults


_WORDS = (
    "a model with the cell, saved and read in a fresh process, to give the same outputs",
    "a class that is not registered (@keras_charrnn.register_cell), an argument that get_config changes, or a weight "
    "that is not made by add_weight in build",
)


def _fault(received):
    return Fault(_WORDS[0], received, _WORDS[1])


def _save(subject, path, inputs):
    """Save a model with the cell, and inputs; return its outputs."""
    subject.build()
    model = keras.Sequential([keras.Input((TIME, WIDTH), batch_size=BATCH), Recurrent(subject.make())])
    model.layers[0].set_weights(subject.layer.get_weights())
    model.save(path)
    np.save(inputs, subject.inputs)
    return np.asarray(model(subject.inputs))


def _read_here(subject, path):
    """Return what a saved model gives when it is read in this process."""
    cls = type(subject.cell)
    return np.asarray(keras.saving.load_model(path, {cls.__name__: cls}, compile=False)(subject.inputs))


def _is_importable(cls):
    """Whether a class is there once its module is imported: it is none of a notebook, standard input or a function."""
    plugin, module = _plugin(cls), sys.modules.get(cls.__module__)
    if plugin is None:
        return True
    found = pathlib.Path(plugin).is_file() if registry.is_plugin_file(plugin) else _is_module(plugin)
    return found and any(each is cls for each in (*vars(module).values(), _at(module, cls.__qualname__)))


def _at(module, path):
    """Return what stands at a path such as Outer.Inner in a module, or None."""
    return functools.reduce(lambda each, name: getattr(each, name, None), path.split("."), module)


def _is_module(name):
    """Whether a module of that name can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _plugin(cls):
    """Return what another process must import for a class to be there, or None."""
    plugin = registry.cells.plugin_of(cls)
    if plugin is None or registry.is_plugin_file(plugin):
        return plugin
    return plugin if _is_module(plugin) else getattr(sys.modules.get(plugin), "__file__", plugin)


def _read_elsewhere(jobs, folder):
    """Run `fresh` on jobs in another process; return an error for each, or ""."""
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    paths = [path or os.getcwd() for path in sys.path]  # noqa: PTH109
    done = subprocess.run(
        [sys.executable, "-c", READ, folder / "jobs.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3", FRESH: "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT,
    )
    if done.returncode:
        return [(done.stderr.strip().splitlines() or ["the process ended"])[-1]] * len(jobs)
    return json.loads((folder / "errors.json").read_text(encoding="utf-8"))
