"""One training of a comparison."""

import gc
import math

from keras_charrnn.common.screen import Screen
from keras_charrnn.errors import WriteError, in_words
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.records import choosing
from keras_charrnn.studies.comparison.clock import Clock
from keras_charrnn.text.vocabularies import CHARACTER
from keras_charrnn.training import fit, read_recipe


def train_one(order, tell):
    """Train; return what a `Trial` has besides seed and rate, a mapping.

    Args:
        order: A mapping: `recipe`, `overrides`, `rate` (None for the recipe's), `folder`, and `name` of the run.
        tell: Called with where the training is, in words.

    Raises:
        WriteError: If a file cannot be written; all else that goes wrong is the `error` of what is returned.
    """
    tell("compiling")
    overrides = dict(order["overrides"])
    if order["rate"] is not None:
        overrides["training.optimizer.learning_rate"] = order["rate"]
    try:
        plan = read_recipe(order["recipe"], overrides)
        step = plan.windows.batch_size * plan.windows.length
        clock = Clock(step, tell)
        run = fit(plan, None, order["folder"], order["name"], callbacks=[clock], console=Screen(quiet=True))
    except WriteError:  # it would hit the others too
        raise
    except Exception as error:
        return {"error": in_words(error)}
    finally:
        gc.collect()  # a model and its compiled functions refer to one another; clear_session frees no more
    best = min((row for row in run.history if math.isfinite(row["val_loss"])), key=_loss, default=None)
    if best is None:
        return {"run": run.folder.name, "error": "the validation loss is no number after any epoch"}
    name, rows = choosing(run.history, run.progress)
    per = _characters_of_a_symbol(run)
    curve = [[row["seconds"], round(per * row["step"] * step), row[name]] for row in rows if math.isfinite(row[name])]
    return {
        "nats_per_character": best["val_loss"],
        "epoch": best["epoch"],
        "seconds": run.history[-1]["seconds"],
        "speeds": [round(per * speed) for speed in clock.speeds],
        "curve": curve,
        "run": run.folder.name,
    }


def _characters_of_a_symbol(run):
    """Return for how many characters of a run's text a symbol stands, in the mean."""
    environment = RunFolder(run.folder).read_environment()
    if environment["vocabulary"]["unit"] == CHARACTER:
        return 1
    return sum(environment["split"].values()) / sum(environment["vocabulary"]["counts"].values())


def _loss(row):
    return row["val_loss"]
