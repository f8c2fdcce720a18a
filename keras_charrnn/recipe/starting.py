"""Where a training begins: the section `start`, and what a model's file says of the model."""

import dataclasses
import json
import os
import zipfile
import zlib
from collections.abc import Mapping

from keras_charrnn.common import ready
from keras_charrnn.common.files import user_path
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CharRNNError
from keras_charrnn.recipe.checks import one_of, optional, pathname, several, show, text, whole
from keras_charrnn.recipe.reading import load_file
from keras_charrnn.recipe.section import Section, key
from keras_charrnn.recipe.sections import Model

MODEL, RECIPE = "model.keras", "recipe.yaml"  # in the folder of a run
MAX_CONFIG = 32_000_000  # bytes of a model's description: twice the JSON of a vocabulary of all characters there are
DAMAGES = (zipfile.BadZipFile, zlib.error)
CONTINUATION = ("from_epoch", "from_step", "from_minutes")  # keys of `training` that a continued run has
# Keys of `model` on which no weight depends: a training may begin with others than those of the model to begin from.
FREE = ("dropout", "embedding_dropout", "output_dropout", "variational", "recurrent_dropout", "zoneout", "weight_drop")


@dataclasses.dataclass(frozen=True)
class Start(Section):
    """A model to begin from. What the section `model` leaves out is as in that model; only its noise may differ.

    A symbol that the model knows keeps its rows and columns. One that it does not know begins with the mean of the
    known ones and noise of their spread. The optimizer begins anew.
    """

    source: str | None = key(
        None,
        "a run's folder, a .keras file or a model of the package, to begin from; null: a new model",
        optional(pathname("the path of a run or a .keras file")),
        name="from",
    )
    vocabulary: str = key(
        "union", "symbols: those of the model and of the text, or those of the text alone", one_of("union", "text")
    )
    freeze: tuple = key(
        [], "layers that are not trained, by their names in model.summary()", several(text("a name"), "names of layers")
    )
    freeze_epochs: int | None = key(None, "epochs for which they are not; null: all", optional(whole(1)))

    def conflicts(self):
        if self.source is None and self.freeze:
            return ["start.freeze: is of a model to begin from, and there is none; write start.from too"]
        if self.freeze_epochs is not None and not self.freeze:
            return ["start.freeze_epochs: is of layers that start.freeze names, and it names none"]
        return []


def complete(mapping, folder, problems, overrides=None):
    """Return a recipe, a mapping, whose section `model` has all that the model to begin from has.

    The plugins of a run are laid under those of the recipe, and so is `states.reset` where the model's states start
    anew within a text.

    Args:
        mapping: The recipe as it was written; it may be wrong anywhere.
        folder: From which the path of the model starts.
        problems: A list, to which is added what cannot be.
        overrides: Those that name the model to begin from, to which the recipe's own section `model` gives way then,
            but for what they say of it; None where the recipe names it.
    """
    start, model = mapping.get("start"), mapping.get("model")
    source = start.get("from") if isinstance(start, Mapping) else None
    source = os.fspath(source) if isinstance(source, os.PathLike) else source
    if not isinstance(source, str) or not (model is None or isinstance(model, Mapping)):
        return mapping
    try:
        path = user_path(folder / user_path(source))
        path = path if path.exists() else ready.find_model(source) or path
        (found, reset), plugins = _settings(file_of(path)), _plugins_of(path)
    except (CharRNNError, OSError, ValueError, LookupError, TypeError, RuntimeError, *DAMAGES) as error:
        problems.append(f"start.from: {error if isinstance(error, CharRNNError) else _unreadable(path, error)}")
        return mapping
    model = dict(model or {})
    if overrides is not None:
        inner = overrides.get("model")
        said = {*(inner if isinstance(inner, Mapping) else ())} | {name.partition(".")[2] for name in overrides}
        model = {name: value for name, value in model.items() if name in FREE or name in said or name not in found}
    states = mapping.get("states") or {}
    if reset and isinstance(states, Mapping):
        mapping = {**mapping, "states": {"reset": reset, **states}}
    for name, own in found.items():
        given = model.setdefault(name, own)
        same = _as_cell(given) == own if name == "cell" else given == own
        if not same and name not in FREE:
            problems.append(
                f"model.{name}: is {show(given)}, and {show(own)} in the model to begin from, {source}; leave it out"
            )
    given = mapping.get("plugins") or []
    if isinstance(given, list | tuple):
        plugins = [*given, *(each for each in plugins if each not in given)]
    return {**mapping, "model": model, "plugins": plugins, "start": {**start, "from": str(path)}}


def _as_cell(value):
    return {"name": value} if isinstance(value, str) else value


def file_of(path):
    """Return the file of a model, given as such or as the folder of its run.

    Raises:
        CharRNNError: If there is none.
    """
    if path.is_dir():
        file = path / MODEL
        if not (path / RECIPE).is_file():
            raise CharRNNError(f"{path} is no folder of a run: it has no {RECIPE}")
        if not file.is_file():
            raise CharRNNError(f"{path} has no model yet, no {MODEL}: its first epoch has not ended")
        return file
    if not path.is_file():
        near = suggest(path.name, [each.name for each in path.parent.iterdir()]) if path.parent.is_dir() else ""
        raise CharRNNError(f"there is no run or model {path}{near}")
    if path.suffix != ".keras":
        raise CharRNNError(f"{path} is no model: it is no folder of a run, nor a .keras file")
    return path


def _settings(file):
    """Return the section `model` of the recipe of a model's file, a mapping, and its `states.reset`; "" for any."""
    with zipfile.ZipFile(file) as archive:
        if (size := archive.getinfo("config.json").file_size) > MAX_CONFIG:
            raise CharRNNError(f"{file} is too large when unpacked: {size:,} bytes")
        config = json.loads(archive.read("config.json"))["config"]
    cell = {"name": config["cell"], **config["cell_arguments"]}
    names = [field.name for field in dataclasses.fields(Model) if field.name != "cell"]
    reset = "line" if config.get("fresh_lines") else "document" if config.get("fresh_documents") else ""
    return {"cell": cell, **{name: config[name] for name in names if name in config}}, reset


def without_continuation(mapping):
    """Return a recipe, a mapping, for a run of its own: without what says that one was continued."""
    training = mapping.get("training")
    if not isinstance(training, Mapping):
        return mapping
    kept = {name: value for name, value in training.items() if name not in CONTINUATION}
    return {**mapping, "training": kept}


def _plugins_of(path):
    """Return the plugins of a run; none for a file, which is not to import anything."""
    return list(load_file(path / RECIPE)[0].get("plugins") or []) if path.is_dir() else []


def _unreadable(path, error):
    return f"{path} cannot be read as a model: {type(error).__name__}: {error}"
