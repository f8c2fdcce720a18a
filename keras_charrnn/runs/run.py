"""A run and its model, as they are read."""

import dataclasses
import pathlib

from keras_charrnn.common import ready
from keras_charrnn.common.files import user_path
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.members import members_of
from keras_charrnn.runs.records import choosing, is_within


@dataclasses.dataclass
class Run:
    """A run, finished or not.

    Attributes:
        folder: Its path.
        history: The metrics of each epoch, a list of mappings: what metrics.jsonl and timing.jsonl have. Losses are in
            nats per character.
        progress: Those within epochs: each has `within`, the share of the epoch that is over, and the means of training
            since the one before. Where the recipe's section `validation` asks for looks, each is of a look and has its
            loss: `val_loss`, or `val_part_loss` where it is of a part of the split.
        plugins: As `load` takes them.
        model: The best model by validation loss, without validation the last, a `CharRNN`, read at its first use;
            `RunError` if there is none yet.
    """

    folder: pathlib.Path
    history: list
    _model: object = None
    plugins: tuple = ()
    progress: list = dataclasses.field(default_factory=list)

    @classmethod
    def open(cls, path, plugins=()):
        """Return the run in a folder.

        Args:
            path: Of the folder.
            plugins: As `load` takes them, where those that its recipe names are elsewhere now.

        Raises:
            RunError: If there is no such folder, or it is not a run's.
        """
        folder = RunFolder.open(path)
        return cls(folder.path, folder.read_metrics(), plugins=plugins, progress=folder.read_progress())

    @property
    def model(self):
        if self._model is None:
            self._model = load(self.folder, self.plugins)
        return self._model

    @property
    def metrics(self):
        """The metrics of the epoch or look that `model` is from, without validation the last; {} if there is none.

        Those of a look at the end of an epoch are the epoch's, with the loss of the look.
        """
        name, rows = choosing(self.history, self.progress)
        best = min(rows, key=lambda row: row[name] if name else -row["epoch"], default={})
        if not best or is_within(best):
            return best
        return {**best, **next((row for row in self.history if row["epoch"] == best["epoch"]), {})}


def load(path, plugins=()):
    """Return the model of a run folder, or of a `.keras` file; of several of them an `Ensemble`.

    Args:
        path: Of the folder or file, or the name of a model that comes with the package. From a folder the plugins that
            its recipe names are imported first; a file imports nothing. "A+B", or a list of paths, is an ensemble: see
            `members_of`.
        plugins: Modules or files to import first. A file stands for the recipe's plugin of the same name, which may
            have moved since.

    Raises:
        RunError: If there is no such run or file, or it is damaged.
        RegistryError: If the model's cell comes from a plugin that was not imported, or cannot be.
        SettingsError: If an ensemble has fewer than two members, or they are no trainings of one architecture.
    """
    from keras_charrnn.model import Ensemble, load_model
    from keras_charrnn.registry import load_plugins

    if members := members_of(path):
        return Ensemble([load(each, plugins) for each in members], members)
    path = user_path(ready.find_model(path) or path)
    if path.suffix == ".keras" and not path.is_dir():
        load_plugins(plugins)
        return load_model(path)
    folder = RunFolder.open(path)
    folder.require_model()
    with folder.naming_version():
        folder.read_recipe(plugins)  # imports them
        return load_model(folder.model)
