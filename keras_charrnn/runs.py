"""A run's folder: every path in it, and how it is written and read."""

import dataclasses
import json
import os
import pathlib
import re

from keras_charrnn.errors import RunError, WriteError
from keras_charrnn.registry import suggest


class RunFolder:
    """The paths of a run, and atomic writes to them.

    Attributes:
        path: The folder.
        recipe: recipe.yaml, the recipe with every key, as it was run.
        model: model.keras, the best model by validation loss.
        last: checkpoints/last.keras, the model at the end of the last epoch, or when the run was interrupted.
        metrics: metrics.jsonl, one line for each epoch.
        samples: samples/, the texts made while training.
        environment: environment.json, the corpus, the machine and the versions.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.recipe = self.path / "recipe.yaml"
        self.model = self.path / "model.keras"
        self.last = self.path / "checkpoints" / "last.keras"
        self.metrics = self.path / "metrics.jsonl"
        self.samples = self.path / "samples"
        self.environment = self.path / "environment.json"

    @classmethod
    def create(cls, runs_dir, name):
        """Make the folder RUNS_DIR/NAME-001, or the first number that is free.

        Raises:
            RunError: If it cannot be made.
        """
        runs_dir = pathlib.Path(runs_dir)
        try:
            runs_dir.mkdir(parents=True, exist_ok=True)
            taken = (re.fullmatch(rf"{re.escape(name)}-(\d+)", each.name) for each in runs_dir.iterdir())
            number = max((int(match[1]) for match in taken if match), default=0) + 1
            while True:
                folder = cls(runs_dir / f"{name}-{number:03d}")
                try:
                    folder.path.mkdir()
                    break
                except FileExistsError:  # another process was faster
                    number += 1
            folder.last.parent.mkdir()
            folder.samples.mkdir()
        except OSError as error:
            raise RunError(f"a run folder cannot be made in {runs_dir}: {error.strerror}") from error
        return folder

    @classmethod
    def open(cls, path):
        """Return the folder of a run that exists.

        Raises:
            RunError: If there is no such folder, or it is not a run's.
        """
        folder = cls(path)
        if not folder.path.exists():
            near = ""
            if folder.path.parent.is_dir():
                near = suggest(folder.path.name, [each.name for each in folder.path.parent.iterdir()])
            raise RunError(f"there is no run folder {path}{near}")
        if not folder.recipe.is_file():
            raise RunError(f"{path} is not a run folder: it has no {folder.recipe.name}")
        return folder

    def read_metrics(self):
        """Return the metrics of each epoch, a list of mappings."""
        if not self.metrics.is_file():
            return []
        lines = self.metrics.read_text(encoding="utf-8").splitlines()
        try:
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise RunError(f"{self.metrics} is damaged: {error}") from error


def write_text(path, text):
    """Write a text beside its place and rename it, so that the file at `path` is whole at any moment.

    Raises:
        WriteError: If it cannot be written; what was there before still is.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@dataclasses.dataclass
class Run:
    """A run, finished or not.

    Attributes:
        folder: Its path.
        history: The metrics of each epoch, a list of mappings: what metrics.jsonl has.
        model: The best model by validation loss, read at its first use.
    """

    folder: pathlib.Path
    history: list
    _model: object = None

    @classmethod
    def open(cls, path):
        """Return the run in a folder.

        Raises:
            RunError: If there is no such folder, or it is not a run's.
        """
        folder = RunFolder.open(path)
        return cls(folder.path, folder.read_metrics())

    @property
    def model(self):
        if self._model is None:
            self._model = load(self.folder)
        return self._model

    @property
    def metrics(self):
        """The metrics of the best epoch, which `model` is from; {} if there is none yet."""
        return min(self.history, key=lambda epoch: epoch["val_loss"], default={})


def load(path, plugins=()):
    """Return the model of a run folder, or of a `.keras` file.

    Args:
        path: Of the folder or file. From a folder the plugins that its recipe names are imported first; a file imports
            nothing.
        plugins: Modules or files to import first.

    Raises:
        RunError: If there is no such run or file, or it is damaged.
        RegistryError: If the model's cell comes from a plugin that was not imported, or cannot be.
    """
    from keras_charrnn.model import load_model
    from keras_charrnn.recipe import read
    from keras_charrnn.registry import load_plugin

    for plugin in plugins:
        load_plugin(plugin)
    path = pathlib.Path(path)
    if path.suffix == ".keras" and not path.is_dir():
        return load_model(path)
    folder = RunFolder.open(path)
    read(folder.recipe)  # imports the plugins
    if not folder.model.is_file():
        raise RunError(f"{path} has no model yet: its first epoch has not ended")
    return load_model(folder.model)
