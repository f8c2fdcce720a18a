"""What a search finds: a row for each trial. The file of them is also what a search goes on from."""

import dataclasses
import json
import math
import pathlib

from keras_charrnn.common.files import user_path
from keras_charrnn.errors import RunError
from keras_charrnn.model.evaluation import bits

FILE = "tune.json"
RUNNING, DONE, PRUNED, OUT_OF_TIME, FAILED = "not ended", "done", "pruned", "out of time", "failed"
STATES = (RUNNING, DONE, PRUNED, OUT_OF_TIME, FAILED)
FACTS = {"recipe": dict, "corpus": dict, "machine": dict, "versions": dict}


@dataclasses.dataclass
class Trial:
    """One training.

    Attributes:
        number: From 1.
        values: Mapping from the paths of the keys that are searched to their values.
        state: "done"; "pruned", for others were better after as many epochs; "out of time", when that of the search
            was over; "failed", for the reason in `error`; "not ended".
        losses: Validation loss of each epoch in nats per character; None where it was no number.
        seconds: Of training, with compiling and validation.
        run: Name of the run's folder; "" if there is none.
        error: Why it failed; "" if it did not.
    """

    number: int
    values: dict
    state: str = RUNNING
    losses: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    run: str = ""
    error: str = ""

    @property
    def nats_per_character(self):
        """Validation loss of the best epoch; None where there is none."""
        return min((loss for loss in self.losses if loss is not None), default=None)

    def row(self):
        """Return the row of the table: a mapping from columns to values, None where there is none."""
        nats = self.nats_per_character
        return {
            "trial": self.number,
            **self.values,
            "epochs": len(self.losses),
            "nats_per_character": nats,
            "bits_per_character": None if nats is None else bits(nats),
            "state": self.state,
            "seconds": self.seconds,
            "run": self.run,
            "error": self.error,
        }


@dataclasses.dataclass
class Search:
    """All of it.

    Attributes:
        folder: Where it is written, the runs' folders in it.
        facts: What it was made with: recipe, corpus, machine, versions.
        trials: A `Trial` for each, in the order of their beginnings.
    """

    folder: pathlib.Path
    facts: dict
    trials: list = dataclasses.field(default_factory=list)

    @classmethod
    def read(cls, folder):
        """Return the search that a folder has.

        Raises:
            RunError: If its file is damaged.
        """
        path = user_path(folder) / FILE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            facts = {name: document[name] for name in FACTS}
            names = [field.name for field in dataclasses.fields(Trial)]
            trials = [Trial(**{name: each[name] for name in names}) for each in document["trials"]]
            whole = all(isinstance(facts[name], kind) for name, kind in FACTS.items())
            if not (whole and [each.number for each in trials] == list(range(1, len(trials) + 1))):
                raise ValueError("its parts are not what they should be")
            for each in trials:
                _require(each)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{path} is damaged: {type(error).__name__}: {error}") from error
        return cls(path.parent, facts, trials)

    @property
    def ended(self):
        """The trials that have ended."""
        return [each for each in self.trials if each.state != RUNNING]

    @property
    def best(self):
        """The ended trial with the least loss; None where there is none."""
        found = [each for each in self.ended if each.state != FAILED and each.nats_per_character is not None]
        return min(found, key=lambda each: each.nats_per_character, default=None)

    def to_mapping(self):
        """Return all of it as plain values."""
        trials = [{**dataclasses.asdict(each), **_figures(each)} for each in self.trials]
        return {**self.facts, "best": None if self.best is None else self.best.number, "trials": trials}

    def describe(self):
        """Return in words what the figures are."""
        counts = {state: sum(each.state == state for each in self.trials) for state in STATES}
        count = "1 trial" if len(self.trials) == 1 else f"{len(self.trials)} trials"
        return (
            f"{count}: {', '.join(f'{number} {state}' for state, number in counts.items() if number)}. Validation loss "
            "of the best epoch, in nats per character. After 1, 2, 4, … epochs a trial goes on if its loss is in the "
            "better half of all that got as far; the others are pruned."
        )


def _figures(trial):
    return {name: trial.row()[name] for name in ("epochs", "nats_per_character", "bits_per_character")}


def _require(trial):
    """Raise ValueError unless a trial's attributes are of their kinds."""
    numbers = [trial.seconds, *(loss for loss in trial.losses if loss is not None)]
    fine = all(isinstance(each, float | int) and math.isfinite(each) for each in numbers)
    fine &= isinstance(trial.values, dict) and trial.state in STATES
    fine &= isinstance(trial.error, str) and pathlib.PurePath(trial.run).name == trial.run
    if not fine:
        raise ValueError(f"trial {trial.number} is not what it should be")
