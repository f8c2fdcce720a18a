"""One training of a search."""

import contextlib
import dataclasses
import gc
import math
import pathlib
import time

from keras_charrnn import recipe
from keras_charrnn.common.screen import Screen
from keras_charrnn.errors import RunError, WriteError, in_words
from keras_charrnn.studies.tuning.judge import Deadline, Judge
from keras_charrnn.studies.tuning.results import DONE, FAILED, OUT_OF_TIME, PRUNED, Trial
from keras_charrnn.studies.tuning.space import Space
from keras_charrnn.studies.tuning.study import Study
from keras_charrnn.training import fit, resume


def train_trial(order, tell):
    """Train a trial to its end, from its beginning or from where it was interrupted.

    Args:
        order: A mapping: `recipe`, with the keys that are searched; `trial`, a mapping, and `ended`, those that have
            ended; `folder`; `seconds` that are left, and those that a `validation` is known to take.
        tell: Called with where the training is, in words.

    Returns:
        What is new in the trial, a mapping, with the seconds of the longest `validation`.

    Raises:
        WriteError: If a file cannot be written; all else that goes wrong is the `error` of the trial.
    """
    tell("compiling")
    began = time.monotonic()
    plan = recipe.read(order["recipe"])
    study = Study(Space(plan.tune), plan.compute.seed)
    ended = [each if isinstance(each, Trial) else Trial(**each) for each in order["ended"]]
    values, number = order["trial"]["values"], order["trial"]["number"]
    judge = Judge(study.begin(ended, values), tell)
    deadline = Deadline(Deadline.clock() + order["seconds"], order["validation"])
    try:
        alone = recipe.read(dataclasses.replace(plan, tune={}), values)
        run = _run(alone, pathlib.Path(order["folder"]), number, [judge, deadline])
    except WriteError:  # it would hit the others too
        raise
    except Exception as error:
        seconds = time.monotonic() - began
        return {"state": FAILED, "error": in_words(error), "seconds": seconds, "validation": order["validation"]}
    finally:
        gc.collect()  # a model and its compiled functions refer to one another
    losses = [row["val_loss"] for row in run.history]
    judge.report(losses)  # of a run that had ended when the search was interrupted
    state = DONE
    if judge.pruned and len(losses) < alone.training.epochs:
        state = PRUNED
    elif deadline.over:
        state = OUT_OF_TIME
    return {
        "state": state,
        "losses": [loss if math.isfinite(loss) else None for loss in losses],
        "seconds": run.history[-1]["seconds"],
        "run": run.folder.name,
        "validation": max(order["validation"], deadline.validation),
    }


def _run(plan, folder, number, callbacks):
    name, console = f"trial-{number:03d}", Screen(quiet=True)
    begun = sorted(folder.glob(f"{name}-*"))
    if begun:
        with contextlib.suppress(RunError):  # the interruption came before the first checkpoint
            return resume(begun[-1], callbacks, console)
    return fit(plan, None, folder, name, callbacks, console)
