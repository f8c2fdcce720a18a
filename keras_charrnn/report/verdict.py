"""What the losses of a run say about the fit, by simple rules."""

import math

IMPROVING = 0.005  # share of the validation loss by which an epoch must lower it, to count as improving
WORSE = 0.01  # share above the best validation loss at which the later epochs have gone too far
CLOSE = 0.03  # share of the validation loss by which the training loss is lower, below which nothing is memorised
FAR = 0.15  # the same, above which the model knows the training text much better than any other
MOSTLY = 0.5  # share of clipped steps that is more than an exception


def verdict(history):
    """Return what to make of a run's losses: a list of sentences, the chief one first.

    The rules look at the losses alone. The training loss is the mean over the epoch, while the weights change and with
    dropout, so that it may lie above that of validation; the gap between the two is read with this in mind.

    Args:
        history: The metrics of each epoch, as `Run.history` has them.
    """
    if not history:
        return ["No epoch has ended yet."]
    if not all(math.isfinite(row[name]) for row in history for name in ("loss", "val_loss") if name in row):
        return ["Diverged: a loss is not a finite number. Lower the learning rate, or clip the gradient (clip_norm)."]
    rows = [row for row in history if "val_loss" in row]
    if len(rows) < 2:
        return ["Too early to say: it takes two epochs to see where the losses go."]
    last, best = rows[-1], min(rows, key=lambda row: row["val_loss"])
    sentences = [_course(rows, best, last)]
    gap = -_change(best["val_loss"], best["loss"])
    if best is last and gap < CLOSE:
        sentences.append(
            "Training and validation loss are close: nothing is memorised, and a larger model or less dropout can "
            "learn more from this text."
        )
    elif gap > FAR:
        sentences.append(
            f"The training loss is {gap:.0%} below that of validation: the model has begun to learn its text by heart. "
            "More text helps most; dropout, weight decay or a smaller model help too."
        )
    if last.get("clipped", 0) > MOSTLY:
        sentences.append(
            f"{last['clipped']:.0%} of the last epoch's steps were clipped: the limit, not the learning rate, sets the "
            "length of the steps."
        )
    return sentences


def _course(rows, best, last):
    """Return the sentence on where the validation loss goes."""
    rise, fall = _change(best["val_loss"], last["val_loss"]), -_change(rows[-2]["val_loss"], last["val_loss"])
    if rise > WORSE and last["loss"] < best["loss"]:
        return (
            f"Overfitting since epoch {best['epoch']}: the training loss fell on, the validation loss rose by "
            f"{rise:.1%}. The best model, which is the one kept, is that of epoch {best['epoch']}."
        )
    if best is last and fall > IMPROVING:
        return f"Still improving: the last epoch lowered the validation loss by {fall:.1%}. More epochs would help."
    return (
        f"Converged: the last epoch changed the validation loss by {abs(fall):.1%}, and the best one is epoch "
        f"{best['epoch']}."
    )


def _change(before, after):
    """Return the change as a share of what was before; a loss of 0 changes by nothing."""
    return after / before - 1 if before else 0.0
