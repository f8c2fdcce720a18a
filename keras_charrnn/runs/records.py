"""The records in a run's folder: what each must have, and how they are read."""

import json

from keras_charrnn.errors import RunError


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _are_counts(value):
    return isinstance(value, dict) and all(map(_is_whole, value.values())) and (not value or any(value.values()))


def _is_number(value):
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


# What each line of the two files must have, and environment.json: all that readers of them rely on.
METRICS = ("epoch", "loss")
WITHIN = "within"  # share of an epoch that is over: what a line within an epoch has beside its step
WHOLE, PART = "val_loss", "val_part_loss"  # of the validation split, and of the part of it that a look reads
TIMING = ("epoch", "characters_per_second", "seconds")
ENVIRONMENT = {
    "corpus": {"name": str, "sha256": str, "characters": _is_whole},
    "vocabulary": {"symbols": _is_whole, "counts": _are_counts},
    "split": _are_counts,
    "windows": {"steps": _is_whole, "left_over": _is_whole},
    "parameters": _is_whole,
    "machine": dict,
    "versions": dict,
}
MEMORIZATION = {"samples": str, "longest": str, "share": lambda value: value is None or _is_number(value)}


def read_record(path, kinds):
    """Return what a file of JSON holds, a mapping with at least what `kinds` asks for.

    Raises:
        RunError: If it is damaged.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _require(record, kinds, "the file")
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return record


def _require(value, kind, name):
    """Raise ValueError if a value is not of a kind: a type, a predicate, or a mapping of keys to kinds."""
    if isinstance(kind, dict):
        _require(value, dict, name)
        for key, each in kind.items():
            _require(value.get(key), each, key)
    elif not (isinstance(value, kind) if isinstance(kind, type) else kind(value)):
        raise ValueError(f"{name} is not what it should be")


def in_bits(name):
    """Return the name of a loss, which is in nats, in bits."""
    return f"{name.removesuffix('loss')}bits_per_character"


def when(row):
    """Return in words what a row is of: an epoch, or a step within one."""
    return f"step {row['step']} in epoch {row['epoch']}" if is_within(row) else f"epoch {row['epoch']}"


def is_within(row):
    """Whether a row is from within an epoch, and not from its end."""
    return row.get(WITHIN, 1) < 1


def loss_of(row):
    """Return the name of the validation loss that a row has, that of the whole split if it can be; None for none."""
    return next((name for name in (WHOLE, PART) if name in row), None)


def choosing(history, progress):
    """Return the name of the loss that has chosen the best model of a run, None for none, and the rows that have it.

    Args:
        history, progress: As `Run` has them. Where there are looks, these rows are of `progress`, else of `history`.
    """
    for name, rows in ((PART, progress), (WHOLE, progress), (WHOLE, history)):
        if found := [row for row in rows if name in row]:
            return name, found
    return None, history


def read_rows(path, names):
    """Return the lines of a file, mappings from names to numbers with at least some names: of epochs, and within them.

    Raises:
        RunError: If it is damaged.
    """
    if not path.exists():
        return [], []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        for row in rows:
            _require(row, dict, "a line")
            _require(row.get("epoch"), _is_whole, "epoch")
        history, progress = ([row for row in rows if (WITHIN in row) == within] for within in (False, True))
        _require_numbers(history, names)
        _require_numbers(progress, (*names, "step"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return history, progress


def _require_numbers(rows, names):
    """Raise ValueError if rows have something else than numbers, lack some names, or one a loss that others have."""
    for loss in (WHOLE, PART):  # a run may have no validation split, and no looks
        if any(name in row for row in rows for name in (loss, in_bits(loss))):
            names = (*names, loss, in_bits(loss))
    for row in rows:
        for name in dict.fromkeys((*names, *row)):
            _require(row.get(name), _is_number, name)
