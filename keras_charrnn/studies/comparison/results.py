"""What a comparison finds: a row for each cell, from a trial for each seed."""

import dataclasses
import pathlib
import statistics

from keras_charrnn.model.evaluation import bits


@dataclasses.dataclass
class Trial:
    """One training.

    Attributes:
        seed: Of the recipe's section `compute`.
        nats_per_character: Validation loss of the best epoch; None if it failed.
        epoch: Number of that epoch, from 1.
        speeds: Characters per second in training, of each epoch.
        curve: For each epoch, or each look where there are any, its seconds of training so far (with compiling and
            validation), characters seen so far, and validation loss in nats per character.
        run: Name of the run's folder.
        error: Why it failed; "" if it did not.
    """

    seed: int
    nats_per_character: float | None = None
    epoch: int | None = None
    speeds: list = dataclasses.field(default_factory=list)
    curve: list = dataclasses.field(default_factory=list)
    run: str = ""
    error: str = ""


@dataclasses.dataclass
class CellResult:
    """One cell.

    Attributes:
        cell: Its name, with the arguments that were given with it.
        arguments: The cell as in a recipe: a mapping of "name" and further arguments.
        units, parameters: Of the model; None if there is none, for the reason in `error`.
        trials: A `Trial` for each seed, as far as there is one.
        error: Why the cell cannot be compared at all; "" if it can.
    """

    cell: str
    arguments: dict
    units: int | None = None
    parameters: int | None = None
    trials: list = dataclasses.field(default_factory=list)
    error: str = ""

    @property
    def losses(self):
        """The validation losses, in nats per character, of the trials that did not fail."""
        return [each.nats_per_character for each in self.trials if not each.error]

    @property
    def nats_per_character(self):
        """The mean of the losses; None where there is none."""
        return statistics.fmean(self.losses) if self.losses else None

    @property
    def bits_per_character(self):
        return bits(self.nats_per_character) if self.losses else None

    @property
    def spread(self):
        """The largest of the losses minus the smallest; None for fewer than two."""
        return max(self.losses) - min(self.losses) if len(self.losses) > 1 else None

    @property
    def characters_per_second(self):
        """The median over epochs and seeds."""
        speeds = [speed for each in self.trials if not each.error for speed in each.speeds]
        return round(statistics.median(speeds)) if speeds else None

    @property
    def failure(self):
        """Why the cell or some of its trials failed, in a line; "" if none did."""
        reasons = {}
        for each in self.trials:
            if each.error:
                reasons.setdefault(each.error.splitlines()[0], []).append(str(each.seed))
        parts = [f"seed {', '.join(seeds)}: {reason}" for reason, seeds in reasons.items()]
        return self.error.partition("\n")[0] or "; ".join(parts)

    def newest(self):
        """Return in a line what the last trial came to, or why there is none."""
        words = [self.cell]
        trial = self.trials[-1] if self.trials else None
        if trial is not None:
            words.append(f"{self.units} units, {self.parameters:,} parameters, seed {trial.seed}")
        if error := self.error or trial.error:
            words.append(f"failed: {error}")
        else:
            words.append(f"validation {trial.nats_per_character:.4f} nats, epoch {trial.epoch}")
        return "  ".join(words)

    def row(self):
        """Return the row of the table: a mapping from columns to numbers, None where there is none."""
        return {
            "cell": self.cell,
            "units": self.units,
            "parameters": self.parameters,
            "characters_per_second": self.characters_per_second,
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "spread": self.spread,
            "seeds": len(self.losses),
            "error": self.failure,
        }


@dataclasses.dataclass
class Comparison:
    """All of it.

    Attributes:
        folder: Where it is written, the runs' folders in it.
        facts: What it was made with: recipe, match, parameters, seeds, corpus, machine, versions.
        cells: A `CellResult` for each cell, in the order asked for.
    """

    folder: pathlib.Path
    facts: dict
    cells: list

    @property
    def failed(self):
        """Names of the cells that failed, for one seed or for all."""
        return [each.cell for each in self.cells if each.failure]

    @property
    def complete(self):
        """Whether every cell was trained for every seed, or failed."""
        return all(each.error or len(each.trials) == len(self.facts["seeds"]) for each in self.cells)

    def describe(self):
        """Return in words what the figures are."""
        facts = self.facts
        seeds = ", ".join(map(str, facts["seeds"]))
        match = f"{facts['parameters']:,} parameters" if facts["match"] == "parameters" else "the recipe's units"
        return (
            f"Models matched to {match}. Validation loss of the best epoch, mean over the seeds {seeds}, in nats and "
            "in bits per character; spread: the largest minus the smallest, in nats. Characters per second: of "
            "training, median over epochs and seeds, without the first steps of an epoch, which may compile."
        )
