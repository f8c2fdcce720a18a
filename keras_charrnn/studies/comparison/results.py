"""What a comparison finds: a row for each combination of what varies, from a trial for each seed."""

import dataclasses
import pathlib
import statistics

from keras_charrnn.model.evaluation import bits


@dataclasses.dataclass
class Trial:
    """One training.

    Attributes:
        seed: Of the recipe's section `compute`.
        rate: Its learning rate where several are tried; None where it is the recipe's.
        nats_per_character: Validation loss of the best epoch; None if it failed.
        epoch: Number of that epoch, from 1.
        seconds: Of training, with compiling and validation; None if it failed.
        speeds: Characters per second in training, of each epoch.
        curve: For each epoch, or each look where there are any, its seconds of training so far (with compiling and
            validation), characters seen so far, and validation loss in nats per character.
        run: Name of the run's folder.
        error: Why it failed; "" if it did not.
    """

    seed: int
    rate: float | None = None
    nats_per_character: float | None = None
    epoch: int | None = None
    seconds: float | None = None
    speeds: list = dataclasses.field(default_factory=list)
    curve: list = dataclasses.field(default_factory=list)
    run: str = ""
    error: str = ""


@dataclasses.dataclass
class Variant:
    """One combination of what varies.

    Attributes:
        varies: Mapping from the columns of what varies to the values in words: {"cell": "lstm", "model.layers": "2"}.
        overrides: What it lays over the recipe: {"model.cell": {"name": "lstm"}, "model.layers": 2}.
        units, parameters: Of the model; None if there is none, for the reason in `error`.
        rate: The learning rate that was the best of those tried; None where none are tried, or not all yet.
        trials: A `Trial` for each rate with the first seed, and for each seed, as far as there is one.
        error: Why it cannot be compared at all; "" if it can.
    """

    varies: dict
    overrides: dict
    units: int | None = None
    parameters: int | None = None
    rate: float | None = None
    trials: list = dataclasses.field(default_factory=list)
    error: str = ""

    @property
    def name(self):
        """What it is, in words."""
        return _in_words(self.varies)

    @property
    def counted(self):
        """The trials that the figures are of: those with the best rate."""
        return [each for each in self.trials if each.rate == self.rate]

    @property
    def is_rate_at_edge(self):
        """Whether the best rate is the least or the largest of those tried, so that a better one may lie beyond."""
        tried = [each.rate for each in self.trials]
        return self.rate is not None and self.rate in (min(tried), max(tried))

    @property
    def losses(self):
        """The validation losses, in nats per character, of the counted trials that did not fail."""
        return [each.nats_per_character for each in self.counted if not each.error]

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
    def seconds(self):
        """The mean over seeds."""
        seconds = [each.seconds for each in self.counted if not each.error]
        return statistics.fmean(seconds) if seconds else None

    @property
    def characters_per_second(self):
        """The median over epochs and seeds."""
        speeds = [speed for each in self.counted if not each.error for speed in each.speeds]
        return round(statistics.median(speeds)) if speeds else None

    @property
    def failure(self):
        """Why it or some of its counted trials failed, in a line; "" if none did."""
        return self.error.partition("\n")[0] or _reasons(self.counted, "seed")

    def choose_rate(self):
        """Keep the best of the rates that were tried, or note that none came to a loss."""
        best = min(
            (each for each in self.trials if not each.error), key=lambda each: each.nats_per_character, default=None
        )
        if best is None:
            self.error = f"no learning rate came to a loss: {_reasons(self.trials, 'rate')}"
        else:
            self.rate = best.rate

    def newest(self):
        """Return in a line what the last trial came to, or why there is none."""
        words = [self.name]
        trial = self.trials[-1] if self.trials else None
        if trial is not None:
            rate = f", learning rate {trial.rate:g}" if trial.rate is not None else ""
            words.append(f"{self.units} units, {self.parameters:,} parameters, seed {trial.seed}{rate}")
        if error := trial.error if trial is not None else self.error:
            words.append(f"failed: {error}")
        else:
            words.append(f"validation {trial.nats_per_character:.4f} nats, epoch {trial.epoch}")
        return "  ".join(words)

    def row(self):
        """Return the row of the table: a mapping from columns to numbers and words, None where there is none."""
        return {
            **self.varies,
            "rate": self.rate,
            "rate_at_edge": self.is_rate_at_edge,
            "units": self.units,
            "parameters": self.parameters,
            "characters_per_second": self.characters_per_second,
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "spread": self.spread,
            "seconds": self.seconds,
            "seeds": len(self.losses),
            "error": self.failure,
        }


def _in_words(varies):
    return ", ".join(f"{column} {words}" if "." in column else words for column, words in varies.items())


def _reasons(trials, what):
    """Return in a line why some of the trials failed, by what tells them apart, seed or rate; "" if none did."""
    found = {}
    for each in trials:
        if each.error:
            found.setdefault(each.error.splitlines()[0], []).append(f"{getattr(each, what)}")
    return "; ".join(f"{what} {', '.join(which)}: {reason}" for reason, which in found.items())


@dataclasses.dataclass
class Comparison:
    """All of it.

    Attributes:
        folder: Where it is written, the runs' folders in it.
        facts: What it was made with: recipe, what varies, match, parameters, rates, seeds, corpus, machine, versions.
        variants: A `Variant` for each combination of what varies, in the order asked for.
    """

    folder: pathlib.Path
    facts: dict
    variants: list

    @property
    def labels(self):
        """Of each variant what tells it from the others, in words; its name where there are no others."""
        rows = [each.varies for each in self.variants]
        columns = [name for name in rows[0] if len({row[name] for row in rows}) > 1] or rows[0]
        return [_in_words({name: row[name] for name in columns}) for row in rows]

    @property
    def failed(self):
        """Names of the variants that failed, for one seed or for all."""
        return [each.name for each in self.variants if each.failure]

    @property
    def complete(self):
        """Whether every variant was trained for every seed, or failed."""
        return all(each.error or len(each.counted) == len(self.facts["seeds"]) for each in self.variants)

    def describe(self):
        """Return in words what the figures are."""
        facts = self.facts
        seeds = ", ".join(map(str, facts["seeds"]))
        models = "Models matched to the recipe's units"
        if facts["match"] == "parameters":
            models = f"Models matched to {facts['parameters']:,} parameters"
        elif "model.units" in facts["varies"]:
            models = "Models with the units asked for, their parameters not matched"
        parts = [
            f"{models}. Validation loss of the best epoch, mean over the seeds {seeds}, in nats and in bits per "
            "character; spread: the largest minus the smallest, in nats. Characters per second: of training, median "
            "over epochs and seeds, without the first steps of an epoch, which may compile. Seconds: of training, "
            "with compiling and validation, mean over the seeds."
        ]
        if facts["rates"]:
            factors = ", ".join(f"{each:g}" for each in facts["rates"])
            parts.append(
                f"Rate: of the optimizer's learning rate times {factors}, each tried with seed {facts['seeds'][0]}, "
                "the one with the least loss; only it has the other seeds."
            )
        if any(each.is_rate_at_edge for each in self.variants):
            parts.append("* is the least or the largest rate that was tried: the best may lie beyond.")
        return " ".join(parts)
