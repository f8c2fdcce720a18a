"""A run's folder: every path in it, and how it is read."""

import contextlib
import dataclasses
import json

from keras_charrnn import recipe
from keras_charrnn.common import ready
from keras_charrnn.common.files import clean_name, lock, make_numbered, remove_temporaries, user_path, write_text
from keras_charrnn.common.importing import suggest
from keras_charrnn.common.shell import command_line, quote
from keras_charrnn.errors import CharRNNError, RunError
from keras_charrnn.recipe.reading import load_file
from keras_charrnn.runs.checkpoints import Checkpoints
from keras_charrnn.runs.members import require_one
from keras_charrnn.runs.records import ENVIRONMENT, MEMORIZATION, METRICS, TIMING, read_record, read_rows
from keras_charrnn.text.verbatim import Memorization


class RunFolder:
    """The paths of a run.

    Attributes:
        path: The folder.
        recipe: recipe.yaml, the recipe with every key, as it was run.
        model: model.keras, the best model by validation loss; without validation the last one.
        checkpoints: checkpoints/, from which the run can go on.
        metrics: metrics.jsonl, one line for each epoch, and those within epochs.
        timing: timing.jsonl, what the clock said of each line; all else of a run is the same when it is repeated.
        samples: samples/, the texts made while training.
        environment: environment.json, the corpus, the machine and the versions.
        memorization: memorization.json, what of the last samples stands in the training text.
        report: report.html, all of it to look at.
        card: README.md, what model hubs show of it, where it was asked for.
        plots: plots/, the report's plots as pictures, where they were asked for.
        tensorboard: tensorboard/, logs, where the recipe asks for them.
    """

    def __init__(self, path):
        self.path = user_path(path)
        self.recipe = self.path / "recipe.yaml"
        self.model = self.path / "model.keras"
        self.checkpoints = Checkpoints(self.path / "checkpoints")
        self.metrics = self.path / "metrics.jsonl"
        self.timing = self.path / "timing.jsonl"
        self.samples = self.path / "samples"
        self.environment = self.path / "environment.json"
        self.memorization = self.path / "memorization.json"
        self.report = self.path / "report.html"
        self.card = self.path / "README.md"
        self.plots = self.path / "plots"
        self.tensorboard = self.path / "tensorboard"

    @classmethod
    def create(cls, runs_dir, name):
        """Make the folder RUNS_DIR/NAME-001, or the first number that is free, with the folders in it.

        Raises:
            RunError: As `reserve`.
        """
        return cls.reserve(runs_dir, name).fill()

    @classmethod
    def reserve(cls, runs_dir, name):
        """Make that folder alone, for another process to fill.

        Raises:
            RunError: If it cannot be made, or one of the names is that of a run.
        """
        runs_dir = user_path(runs_dir)
        for path in (runs_dir, runs_dir / name):
            if cls(path).recipe.is_file():
                raise RunError(
                    f"{quote(path)} is the folder of a run; to go on with it:\n{command_line('resume', path)}"
                )
        try:
            return cls(make_numbered(runs_dir, name))
        except OSError as error:
            raise RunError(f"a run folder cannot be made in {runs_dir}: {error.strerror}") from error

    def fill(self):
        """Make the folders in an empty one; return this.

        Raises:
            RunError: If they cannot be made.
        """
        try:
            self.checkpoints.folder.mkdir()
            self.samples.mkdir()
        except OSError as error:
            raise RunError(f"{self.path} cannot be filled: {error.strerror}") from error
        return self

    @classmethod
    def open(cls, path):
        """Return the folder of a run that exists.

        Raises:
            RunError: If there is no such folder, or it is not a run's.
            SettingsError: If it names several runs, as an ensemble.
        """
        require_one(path)
        folder = cls(path)
        if not folder.path.exists():
            near = ""
            if ready.find_model(path) is not None:
                near = "; it is a model of the package, which has no run"
            elif folder.path.parent.is_dir():
                near = suggest(folder.path.name, [each.name for each in folder.path.parent.iterdir()])
            raise RunError(f"there is no run folder {path}{near}")
        if not folder.recipe.is_file():
            raise RunError(f"{path} is not a run folder: it has no {folder.recipe.name}")
        return folder

    def require_model(self):
        """Raise a `RunError` if there is no model yet."""
        if not self.model.exists():
            raise RunError(f"{self.path} has no model yet, no {self.model.name}: its first epoch has not ended")

    @contextlib.contextmanager
    def naming_version(self):
        """Within `with`, add to an error about the run which version of the package made it, if it was another one.

        Raises:
            RunError: In place of such an error.
        """
        from keras_charrnn import __version__

        try:
            yield
        except CharRNNError as error:
            try:
                made = self.read_environment()["versions"].get("keras_charrnn", __version__)
            except (CharRNNError, OSError):
                raise error from None
            if made == __version__:
                raise
            versions = f"{self.path} was made by keras_charrnn {made}, and this is {__version__}"
            raise RunError(f"{versions}: {error}") from error

    @contextlib.contextmanager
    def lock(self):
        """Hold the run for this process alone, for as long as it trains.

        Yields:
            What to tell the user, as `files.lock`.

        Raises:
            RunError: If another process has it, or the folder cannot be written to.
        """
        try:
            self.checkpoints.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.path} cannot be written to: {error.strerror}") from error
        taken = f"{self.path} is being trained by another process; wait for it, or stop it"
        with lock(self.checkpoints.folder / "lock", taken) as note:
            for folder in (self.path, self.checkpoints.folder, self.samples):
                remove_temporaries(folder)
            yield note

    def read_recipe(self, plugins=()):
        """Return the recipe of the run, with the name of its folder: earlier versions took names that none has now.

        Args:
            plugins: As in `recipe.read`.
        """
        return recipe.read(self.recipe, {"name": clean_name(self.path.name)}, plugins, begun=True)

    def write_recipe(self, plan):
        """Write another recipe of the run, under the name that the present one has.

        Args:
            plan: A `Recipe`, as `read_recipe` returned it but for what is to change.
        """
        name = load_file(self.recipe)[0].get("name", plan.name)
        write_text(self.recipe, dataclasses.replace(plan, name=name).to_yaml())

    def forget_end(self):
        """Remove what a run gets when it has ended, for one that goes on: an end that is cut short leaves none."""
        for path in (self.report, self.memorization):
            path.unlink(missing_ok=True)

    def read_metrics(self):
        """Return the metrics of each epoch, with what the clock said, a list of mappings.

        Raises:
            RunError: If a file of them is damaged.
        """
        return self._read_lines()[0]

    def read_progress(self):
        """Return the metrics within epochs, with what the clock said, a list of mappings: see `Run.progress`.

        Raises:
            RunError: If a file of them is damaged.
        """
        return self._read_lines()[1]

    def _read_lines(self):
        (history, progress), clocks = read_rows(self.metrics, METRICS), read_rows(self.timing, TIMING)
        epochs, steps = ({row[key]: row for row in rows} for key, rows in zip(("epoch", "step"), clocks, strict=True))
        history = [{**row, **epochs.get(row["epoch"], {})} for row in history]
        return history, [{**row, **steps.get(row["step"], {})} for row in progress]

    def read_environment(self):
        """Return the record of the corpus, the machine and the versions.

        Raises:
            RunError: If it is missing or damaged.
        """
        if not self.environment.exists():
            raise RunError(f"{self.environment} is missing")
        return read_record(self.environment, ENVIRONMENT)

    def write_memorization(self, samples, found):
        """Keep what of some samples stands in the training text.

        Args:
            samples: Which they are: "epoch 3".
            found: A `verbatim.Memorization`.

        Raises:
            WriteError: If it cannot be written.
        """
        write_text(self.memorization, json.dumps({"samples": samples, **found.to_mapping()}, indent=2) + "\n")

    def read_memorization(self):
        """Return what `write_memorization` was given, or None where there was no sample.

        Raises:
            RunError: If it is damaged.
        """
        if not self.memorization.exists():
            return None
        record = read_record(self.memorization, MEMORIZATION)
        return record["samples"], Memorization(record["longest"], record.get("share"))
