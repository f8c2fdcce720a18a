"""A finding of a run with the change that it suggests, and what is known of the run to suggest one."""

import dataclasses
import math
import statistics

from keras_charrnn.recipe.suggestion import STEPS
from keras_charrnn.runs.records import WHOLE, WITHIN, choosing

STRETCHES = 10  # most into which the looks of a first epoch are put together


@dataclasses.dataclass(frozen=True)
class Advice:
    """A finding, and the change of the recipe that it suggests.

    Attributes:
        finding: One or more sentences.
        key: Path of a key in the recipe, as `train --set` takes it; "" for none.
        value: What to set it to.
        before: What it was.
    """

    finding: str
    key: str = ""
    value: object = None
    before: object = None

    def __str__(self):
        return f"{self.finding} Try {self.key}: {self.value} (it was {self.before})." if self.key else self.finding


def stretches(history, progress):
    """Return the rows that show where the losses go, and the row of the best model, None without validation.

    A row is of an epoch; where there are fewer than two, and looks, of a stretch of these. Its `val_loss` is the loss
    that chooses the best model.

    Args:
        history, progress: As `Run` has them.
    """
    name, looks = choosing(history, progress)
    if name is None:
        return history, None
    looks = [{**row, WHOLE: row[name]} for row in looks]
    if WITHIN in looks[0] and len(history) < 2:
        rows = _put_together(looks)
    else:
        epochs = {row["epoch"]: row for row in history}
        ended = [row.get(WITHIN) == 1 and row["epoch"] in epochs for row in looks]
        looks = [
            {**epochs[row["epoch"]], WHOLE: row[WHOLE]} if end else row for row, end in zip(looks, ended, strict=True)
        ]
        rows = [row for row in looks if WITHIN not in row]
    return rows, min(looks, key=lambda row: row[WHOLE])


def _put_together(looks):
    """Return the last look of each stretch, which gets the mean of its training losses."""
    least, ends = looks[-1]["step"] / STRETCHES, [len(looks) - 1]
    for index in reversed(range(len(looks) - 1)):  # the end of an epoch may come right after a look
        if looks[ends[-1]]["step"] - looks[index]["step"] >= least:
            ends.append(index)
    for end, before in zip(ends, [*ends[1:], -1], strict=True):
        looks[end]["loss"] = statistics.fmean(row["loss"] for row in looks[before + 1 : end + 1])
    return [looks[end] for end in reversed(ends)]


def span_of(rows):
    """Return in words what the last row is of."""
    return f"{rows[-1]['step'] - rows[-2]['step']:,} steps" if WITHIN in rows[-1] else "epoch"


class Facts:
    """What is known of a run beside its losses; None, 0 or {} for what is not."""

    def __init__(self, settings, environment, history):
        self._settings, self._environment, self.epochs = settings, environment, len(history)

    def get(self, path, kind=(int, float)):
        """Return the value of a key of the recipe; None where there is none of that kind."""
        value = self._settings
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
        return value if isinstance(value, str) or abs(value) < 2**63 else None  # nor what no recipe can hold

    def advice(self, finding, key, change):
        """Return advice on a key, whose new value is `change` of the old one."""
        before = self.get(key)
        return Advice(finding) if before is None else Advice(finding, key, _round(change(before), before), before)

    def few_steps(self):
        """Whether an epoch has few steps, and a smaller batch would give it more."""
        return 0 < self._steps() < STEPS and (self.get("windows.batch_size") or 1) > 1

    def smaller_batch(self, finding):
        """Return advice to take as many rows as give an epoch enough steps, a power of 2."""
        return self.advice(
            f"{finding} An epoch of {self._steps()} steps is short; a smaller batch makes more of them.",
            "windows.batch_size",
            lambda rows: 2 ** max(0, math.floor(math.log2(rows * self._steps() / STEPS))),
        )

    def parameters_each(self):
        """Return the parameters for each character to learn from; 0 where that is not known."""
        characters = self._environment.get("split", {}).get("train", 0)
        return self._environment.get("parameters", 0) / characters if characters else 0

    def entropy(self):
        """Return the loss of a model that knows only the symbols' frequencies, in nats per character: their entropy."""
        counts = [count for count in self._environment.get("vocabulary", {}).get("counts", {}).values() if count]
        total = sum(counts)
        entropy = -sum(count / total * math.log(count / total) for count in counts)
        return entropy if self.is_of_characters() else entropy * total / sum(self._environment["split"].values())

    def is_of_characters(self):
        """Whether the symbols are characters."""
        return self._environment.get("vocabulary", {}).get("unit", "character") == "character"

    def start_loss(self):
        """Return the validation loss before the first step of a model that began from another; None without one."""
        return self._environment.get("start", {}).get("val_loss")

    def symbols(self):
        return self._environment.get("vocabulary", {}).get("symbols", 0)

    def _steps(self):
        return self._environment.get("windows", {}).get("steps", 0)


def _round(value, before):
    """Return a value to two digits, whole where it and the one before are."""
    return int(value) if isinstance(before, int) and value == int(value) else float(f"{value:.2g}")
