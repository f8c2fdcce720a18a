"""What of a run's recipe may change before the run goes on, and how a checkpoint fits what has changed.

Each checkpoint remembers the recipe that it was written under; the run's recipe.yaml is compared with that.
"""

import json

import numpy as np

from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.recipe import describe_keys, read
from keras_charrnn.recipe.checks import show
from keras_charrnn.runs.checkpoints import Checkpoint

# Keys, or whole sections, that may change, with effect from the checkpoint on;
TAKEN = (
    "training.epochs",
    "training.minutes",
    "training.patience",
    "training.optimizer.learning_rate",
    "training.from_epoch",
    "training.from_step",
    "training.from_minutes",
    "samples",
    "checkpoints",
    "callbacks",
    "tensorboard",
)
# that may change, since a training does not depend on them, or (where the text is) a checksum is looked at;
FREE = (
    "name",
    "start.from",
    "teacher.from",
    "corpus.name",
    "corpus.path",
    "corpus.validation",
    "corpus.test",
    "corpus.else",
    "corpus.max_bytes",
    "corpus.invalid",
    "plugins",
    "tune",
    "compute.workers",
)
# and that decide when a run has finished: larger values, or null for none, let it go on.
ENDS = ("training.epochs", "training.minutes", "training.patience")
RATE = "training.optimizer.learning_rate"


def changes(plan, checkpoint, source):
    """Return what has changed in a recipe since a checkpoint was written: {key: (value before, value now)}.

    Args:
        plan: A `Recipe`.
        checkpoint: A `Checkpoint`; one of an earlier version does not remember its recipe, and nothing has changed.
        source: Path of the recipe, for the message.

    Raises:
        RecipeError: If a key has changed that a run cannot change on its way, or there are fewer epochs than begun.
    """
    before, now = keys_of(checkpoint.facts.get("recipe", {})), keys_of(recorded(plan))
    if before:  # what it does not know yet was as it is by default
        before = {path: default for path, default, *_ in describe_keys()} | before
    found = {key: (before[key], now[key]) for key in now if key in before and before[key] != now[key]}
    found = {key: values for key, values in found.items() if not is_in(key, FREE)}
    problems = [_cannot(key, old, new) for key, (old, new) in found.items() if not is_in(key, TAKEN)]
    begun = checkpoint.facts["epoch"] + bool(checkpoint.facts["step"])
    if "training.epochs" in found and plan.training.epochs < begun:
        problems.append(
            f"training.epochs: is {plan.training.epochs} now, and {begun} have begun; write {begun} or more"
        )
    if problems:
        raise RecipeError(problems, source)
    return found


def goes_on(found):
    """Whether changes let a run go on that had finished before them."""
    return any(_later(*found[key]) for key in ENDS if key in found)


def extended(plan, checkpoint, asked):
    """Return a run's recipe with further keys, under which it goes on, finished or not.

    Where it had finished, a new course of the learning rate begins; else the course that it is in leads to the new end.

    Args:
        plan: A `Recipe`.
        checkpoint: The newest `Checkpoint`.
        asked: {path of a key: value}, some of "training.epochs", "training.minutes" and the learning rate.

    Raises:
        RecipeError: If a value is not accepted.
        SettingsError: If the run has finished, and would again at once.
    """
    facts = checkpoint.facts
    if not facts["finished"]:
        return read(plan, asked, begun=True)
    memories = dict(facts["memories"])
    budget = memories.get("TimeBudget", {"spent": memories["MetricsLog"]["seconds"], "validation": 0.0})
    done = {"epoch": facts["epoch"], "step": int(checkpoint.arrays["optimizer/0"]), "minutes": budget["spent"] / 60}
    plan = read(plan, {**asked, **{f"training.from_{name}": value for name, value in done.items()}}, begun=True)
    epochs, minutes = plan.training.epochs, plan.training.minutes
    if epochs <= done["epoch"]:
        raise SettingsError(f"the run has finished, with {done['epoch']} epochs; it takes more of them to go on")
    if minutes is not None and 60 * minutes <= budget["spent"] + budget["validation"]:
        had = (budget["spent"] + budget["validation"]) / 60
        raise SettingsError(f"the run has finished, with {had:.2g} minutes; it takes more of them to go on")
    return plan


def adapted(checkpoint, plan):
    """Return a checkpoint as it would be, had it been written under a recipe that `changes` has let pass."""
    before = keys_of(checkpoint.facts.get("recipe", {}))
    if not before:
        return checkpoint
    facts, arrays = {**checkpoint.facts, "recipe": recorded(plan)}, dict(checkpoint.arrays)
    had, has = _has_rate(before), _has_rate(keys_of(facts["recipe"]))
    rate = plan.training.optimizer["learning_rate"]
    if had:  # what callbacks have made of the rate stays in proportion
        arrays["optimizer/1"] = arrays["optimizer/1"] * np.float32(rate / before[RATE])
    if had != has:
        variables = checkpoint.group("optimizer")
        variables[1 : 2 if had else 1] = [] if had else [np.float32(rate)]
        arrays = {name: each for name, each in arrays.items() if not name.startswith("optimizer/")}
        arrays |= {f"optimizer/{i}": each for i, each in enumerate(variables)}
    if facts.get("finished") and plan.training.from_step:  # whose patience had ended has all of it again
        facts["memories"] = [[name, _patient(memory)] for name, memory in facts["memories"]]
    if before["training.minutes"] is None and plan.training.minutes is not None:  # they are those of the whole run
        spent = next(memory["seconds"] for name, memory in facts["memories"] if name == "MetricsLog")
        facts["memories"] = [*facts["memories"], ["TimeBudget", {"spent": spent, "validation": 0.0}]]
    return Checkpoint(facts, arrays)


def _patient(memory):
    return {**memory, "wait": 0} if isinstance(memory, dict) and "wait" in memory else memory


def recorded(plan):
    """Return a recipe as a checkpoint remembers it."""
    return json.loads(json.dumps(plan.to_mapping()))


def keys_of(mapping):
    """Return {path of a key: value} of a recorded recipe, the learning rate apart from the rest of the optimizer."""
    found = {}
    for name, section in mapping.items():
        inner = {f"{name}.{key}": value for key, value in section.items()} if isinstance(section, dict) else {}
        found |= inner or {name: section}
    if "training.optimizer" in found:
        found["training.optimizer"] = dict(found["training.optimizer"])
        found[RATE] = found["training.optimizer"].pop("learning_rate")
    return found


def _cannot(key, before, now):
    return (
        f"{key}: is {show(now)} now, and {show(before)} so far, which cannot change on the way; write {show(before)} "
        "again, or start a new run"
    )


def is_in(key, places):
    return any(f"{key}.".startswith(f"{place}.") for place in places)


def _later(before, now):
    return before is not None and (now is None or now > before)


def _has_rate(keys):
    """Whether the learning rate is a variable of the optimizer, the second one; in a course by steps it is none."""
    return keys["training.schedule"]["name"] != "cosine" or keys["training.minutes"] is not None
