"""What the curves of a run show, by simple rules, and which key of its recipe to change, to what.

The rules, each with its threshold below. They look at the losses of the epochs, or of stretches of a first epoch with
looks in it (`facts.stretches`), and at the sizes of text and model:

- diverged: a loss is no number. Went back: `training.divergence` had to lower the learning rate.
- underfitting: the validation loss is no better than knowing how often each symbol occurs (`GUESSING`), or epochs of
  fewer than 64 windows lower it by little, while nothing is memorised.
- still improving: the last epoch is the best one, and lowered the validation loss by more than `IMPROVING`.
- overfitting: the validation loss rose by more than `WORSE` since the best epoch, while the training loss fell on.
- converged: neither.
- learned by heart: at the best epoch the training loss is `FAR` below that of validation; too large for its
  text is a model that also has more than `MANY` parameters for each character of it.
- nothing memorised: the two are `CLOSE`, and the last epoch is the best one.
- unsteady: the training loss of an epoch is `SPIKE` above that of the epoch before.
- clipped: more than `MOSTLY` of the last epoch's steps were.
- begun from a model: what that one scored before the first step.
- too many symbols: more than `MANY_SYMBOLS`, none of them left out.

More epochs or minutes help where the loss still improves; a smaller batch where an epoch has fewer than 64 windows.

The training loss is the mean over an epoch, while the weights change and with dropout, so that it may lie above that of
validation; the gap between the two is read with this in mind.
"""

import dataclasses
import itertools
import math
import os

from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe.reading import load_file
from keras_charrnn.recipe.suggestion import FEWEST_UNITS
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.records import is_within, when
from keras_charrnn.views.advice.facts import Advice, Facts, span_of, stretches

IMPROVING = 0.005  # share of the validation loss by which an epoch must lower it, to count as improving
WORSE = 0.01  # share above the best validation loss at which the later epochs have gone too far
CLOSE = 0.03  # share of the validation loss by which the training loss is lower, below which nothing is memorised
FAR = 0.15  # the same, above which the model knows the training text much better than any other
GUESSING = 0.97  # share of the entropy of the symbols' frequencies, in nats, above which a model has not learned more
SPIKE = 0.02  # share, and nats per character, by which an epoch's training loss must rise to be more than chance
MOSTLY = 0.5  # share of clipped steps that is more than an exception
EXPLODING = 10  # times the limit at which gradients are not merely clipped too early
MANY = 4  # parameters for each character to learn from; about one is customary
MANY_SYMBOLS = 1000  # beyond which most are too rare to be learned
MORE_RARELY = "{min_count: 10, unknown: replace}"  # what leaves out the rarest of them
MOST_DROPOUT = 0.5


def advise(run):
    """Return what the curves of a run show, and what to change: a list of `Advice`, the chief one first.

    Args:
        run: A `Run`, or the path of its folder. It need not have finished.

    Raises:
        RunError: If there is no such run, or a file of it is damaged.
    """
    folder = RunFolder.open(run if isinstance(run, str | os.PathLike) else run.folder)
    try:
        settings, _ = load_file(folder.recipe)
    except RecipeError:  # the curves speak without it
        settings = {}
    environment = folder.read_environment() if folder.environment.exists() else {}
    return judge(folder.read_metrics(), settings, environment, folder.read_progress())


def judge(history, settings=None, environment=None, progress=()):
    """Return what to make of the metrics of a run, a list of `Advice`, the chief one first.

    Args:
        history, progress: The metrics of each epoch, and within epochs, as `Run` has them.
        settings: The resolved recipe, a mapping; what it lacks is not advised to change.
        environment: What environment.json has: the sizes of text, windows and model.
    """
    rows, best = stretches(history, progress)
    if not rows:
        return [Advice("No epoch has ended yet.")]
    facts = Facts(settings or {}, environment or {}, history)
    if not all(math.isfinite(row[name]) for row in (*history, *rows) for name in ("loss", "val_loss") if name in row):
        finding = "Diverged: a loss is not a finite number. Lower the learning rate, or clip the gradient (clip_norm)."
        return [facts.advice(finding, "training.optimizer.learning_rate", lambda rate: rate / 2)]
    if len(rows) < 2:
        return [Advice("Too early to say: it takes two epochs, or looks, to see where the losses go.")]
    last, further = rows[-1], []
    if best is not None:
        found, further = [_course(facts, rows, best, last)], [_gap(facts, best, last), _begun(facts, best)]
    else:
        found = [Advice("Without validation the curves do not show how well the model predicts any other text.")]
    found += [_went_back(facts, last), _steadiness(facts, rows), *further]
    found += [_clipping(facts, rows, last), _many_symbols(facts)]
    kept, keys = [], set()
    for each in filter(None, found):  # two findings on one key might say opposite things of it
        kept.append(dataclasses.replace(each, key="") if each.key in keys else each)
        keys.add(each.key or None)
    return kept


def _course(facts, rows, best, last):
    """Return the advice on where the validation loss goes."""
    rise, fall = _change(best["val_loss"], last["val_loss"]), -_change(rows[-2]["val_loss"], last["val_loss"])
    entropy, span = facts.entropy(), span_of(rows)
    if entropy and best["val_loss"] > GUESSING * entropy:
        return _guessing(facts, rows, best, entropy)
    if rise > WORSE and last["loss"] < best["loss"]:
        finding = (
            f"Overfitting since {when(best)}: the training loss fell on, the validation loss rose by {rise:.1%}. The "
            f"best model, which is the one kept, is that of {when(best)}."
        )
        return Advice(finding) if _is_far(best) else _regularised(facts, finding)
    if best is last and fall > IMPROVING:
        return _improving(facts, f"Still improving: the last {span} lowered the validation loss by {fall:.1%}.")
    if best is last and facts.few_steps() and _gap_of(best) < CLOSE:
        finding = f"Underfitting: the last {span} lowered the validation loss by {fall:.1%}, and nothing is memorised."
        return facts.smaller_batch(finding)
    finding = (
        f"Converged: the last {span} changed the validation loss by {abs(fall):.1%}, and the best one is {when(best)}."
    )
    if facts.get("training.schedule.name", str) == "constant":
        finding += " A learning rate that falls towards the end gains a little more."
        return Advice(finding, "training.schedule", "cosine", "constant")
    return Advice(finding)


def _guessing(facts, rows, best, entropy):
    """Return the advice for a model that has not learned to use what stands before a character."""
    finding = (
        f"Underfitting: the best validation loss, {best['val_loss']:.2f} nats, is no better than knowing how often "
        f"each symbol occurs, {entropy:.2f} nats."
    )
    if facts.few_steps():
        return facts.smaller_batch(finding)
    falling = all(after["loss"] < before["loss"] for before, after in itertools.pairwise(rows))
    factor, reason = (
        (3, "small: the loss falls steadily") if falling else (0.3, "high: the loss does not fall steadily")
    )
    return facts.advice(
        f"{finding} The learning rate seems too {reason}.",
        "training.optimizer.learning_rate",
        lambda rate: rate * factor,
    )


def _improving(facts, finding):
    epochs = facts.get("training.epochs")
    minutes, patience = (facts.get(f"training.{name}") for name in ("minutes", "patience"))
    if epochs is not None and facts.epochs < epochs and minutes is None and patience is None:
        return Advice(f"{finding} {facts.epochs} of {epochs} epochs have ended.")
    if facts.few_steps():
        return facts.smaller_batch(finding)
    name, more = (
        ("minutes", "More time") if minutes is not None and facts.epochs < epochs else ("epochs", "More epochs")
    )
    return facts.advice(f"{finding} {more} would help.", f"training.{name}", lambda value: 2 * value)


def _begun(facts, best):
    """Return what the model that the training began from scored on the text."""
    before = facts.start_loss()
    if before is None:
        return None
    change = _change(before, best["val_loss"])
    how = f"{abs(change):.1%} {'lower' if change < 0 else 'higher'}"
    return Advice(
        f"The model that it began from scored {before:.4f} nats on the validation split; {when(best)} is {how}."
    )


def _went_back(facts, last):
    if not last.get("went_back", 0) >= 1:
        return None
    times = f"{last['went_back']:.0f} time{'s' if last['went_back'] > 1 else ''}"
    rate = facts.get("training.divergence.rate") or 1.0
    factor = min(rate, 1.0) ** last["went_back"]
    return facts.advice(
        f"The loss diverged {times}, and held only with the learning rate times {factor:g}.",
        "training.optimizer.learning_rate",
        lambda rate: rate * factor,
    )


def _steadiness(facts, rows):
    rises = [(after["loss"] - before["loss"], before["loss"], after) for before, after in itertools.pairwise(rows)]
    rise, before, row = max(rises, key=lambda each: each[0])
    if rise <= SPIKE or rise <= SPIKE * before:
        return None
    place, share = f"{'at' if is_within(row) else 'in'} {when(row)}", _change(before, row["loss"])
    return facts.advice(
        f"Unsteady: {place} the training loss rose by {share:.1%}, which it does when the learning rate is too high.",
        "training.optimizer.learning_rate",
        lambda rate: rate / 2,
    )


def _gap(facts, best, last):
    """Return the advice on how far training and validation loss lie apart."""
    gap = _gap_of(best)
    if best is last and gap < CLOSE:
        finding = (
            "Training and validation loss are close: nothing is memorised, and a larger model or less dropout can "
            "learn more from this text."
        )
        if facts.get("model.dropout"):
            return facts.advice(finding, "model.dropout", lambda share: share / 2 if share > 0.1 else 0.0)
        return facts.advice(finding, "model.units", lambda units: 2 * units)
    if _is_far(best):
        return _regularised(
            facts,
            f"The training loss is {gap:.0%} below that of validation: the model has begun to learn its text by heart. "
            "More text helps most; dropout, weight decay or a smaller model help too.",
        )
    return None


def _regularised(facts, finding):
    """Return advice against learning by heart: fewer units where the model is too large for its text, else dropout."""
    each, units, dropout = facts.parameters_each(), facts.get("model.units"), facts.get("model.dropout")
    if each > MANY and units is not None and (fewer := _round_units(units / math.sqrt(each))) < units:
        finding += f" The model has {each:.1f} parameters for each character to learn from; about one is customary."
        return Advice(finding, "model.units", fewer, units)
    if dropout is not None and dropout < MOST_DROPOUT:
        return Advice(finding, "model.dropout", min(MOST_DROPOUT, round(dropout + 0.2, 2)), dropout)
    return Advice(finding)


def _clipping(facts, rows, last):
    if last.get("clipped", 0) <= MOSTLY:
        return None
    steps = "epoch's steps" if (span := span_of(rows)) == "epoch" else span
    finding = (
        f"{last['clipped']:.0%} of the last {steps} were clipped: the limit, not the learning rate, sets the "
        "length of the steps."
    )
    limit, norm = facts.get("training.clip_norm"), last.get("gradient_norm")
    if limit is None or norm is None or not math.isfinite(norm):
        return Advice(finding)
    if norm > EXPLODING * limit or _steadiness(facts, rows):
        return facts.advice(finding, "training.optimizer.learning_rate", lambda rate: rate / 2)
    return facts.advice(finding, "training.clip_norm", lambda _: 2 * norm)


def _many_symbols(facts):
    symbols, least = facts.symbols(), facts.get("vocabulary.min_count")
    if symbols <= MANY_SYMBOLS or least != 1 or not facts.is_of_characters():
        return None
    finding = f"{symbols:,} symbols are many for a model of characters, and the rarest cannot be learned."
    return Advice(finding, "vocabulary", MORE_RARELY, "{min_count: 1}")


def _gap_of(best):
    return -_change(best["val_loss"], best["loss"])


def _is_far(best):
    return _gap_of(best) > FAR


def _change(before, after):
    """Return the change as a share of what was before; a loss of 0 changes by nothing."""
    return after / before - 1 if before else 0.0


def _round_units(units):
    """Return a multiple of 32 that `new` too would choose."""
    return max(FEWEST_UNITS, 32 * round(units / 32))
