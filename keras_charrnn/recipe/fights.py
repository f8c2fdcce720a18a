"""Settings that fight: an argument of the optimizer or a callback that undoes, repeats or breaks what a key does.

A pair is a row of `ARGUMENTS` or of `CALLBACKS`: what is asked for, and a function that returns why it cannot be, with
what to do, or "" where it can. They are looked for before a training begins, and not in a run that has begun: it goes
on as it did. So are arguments that do not fit their class.
"""

import dataclasses
import inspect
import os
import re

from keras_charrnn import registry
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.recipe.arguments import misfits, optimizer_class, package_of

OWN = __package__.partition(".")[0]
CLIPS = {"global_clipnorm": "clip_norm", "clipnorm": "clip_variable_norm", "clipvalue": "clip_value"}
WATCHERS = ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint")
OURS = {
    "StateReset": "states.reset",
    "GradientClipping": "training.clip_norm",
    "Divergence": "training.divergence",
    "AverageWeights": "training.average",
    "TimeBudget": "training.minutes",
    "Looks": "validation",
    "Checkpointing": "checkpoints",
    "Interruption": "checkpoints",
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """A callback that is asked for.

    Attributes:
        path: Where, in words.
        classes: Names of those of Keras's that it is one of, or its own name if it is one of this package's.
        settings: Its constructor's arguments, a mapping.
        metrics: Whether there are callbacks of others, which may add metrics of their own.
    """

    path: str
    classes: list
    settings: dict
    metrics: bool


def refuse_fights(plan, source="recipe", callbacks=()):
    """Refuse what fights in a recipe, or with it, and arguments that an optimizer or a callback does not take.

    Args:
        plan: A `Recipe`.
        source: Where it is from, for the message: what `recipe.read` was given.
        callbacks: Keras callbacks beside those that it names.

    Raises:
        RecipeError: If anything does; the message lists every pair, with what to do.
    """
    given = {name: value for name, value in plan.training.optimizer.items() if value not in (None, False)}
    problems = _misfits(plan) + [
        f"training.optimizer.{name}: {words}"
        for name, why in ARGUMENTS
        if name in given and (words := why(plan.training, given))
    ]
    problems += [
        f"{asked.path}: {words}"
        for asked in _asked(plan, callbacks)
        for name, why in CALLBACKS
        if name in asked.classes and (words := why(plan, asked))
    ]
    if problems:
        raise RecipeError(problems, source if isinstance(source, str | os.PathLike) else "recipe")


def _misfits(plan):
    optimizer = plan.training.optimizer
    try:
        found = misfits(optimizer_class(optimizer["name"]), optimizer, "training.optimizer", numbers=True)
    except SettingsError as error:
        found = [str(error)]
    for index, each in enumerate(plan.callbacks):
        found += misfits(registry.load_callback(each["name"], plan.plugins), each, f"callbacks[{index}]")
    return found


def _asked(plan, callbacks):
    """Return an `Asked` for each callback, those that a recipe names first; these are not made for it."""
    found = []
    for index, each in enumerate(plan.callbacks):
        cls = registry.load_callback(each["name"], plan.plugins)
        found.append((f"callbacks[{index}]: {cls.__name__}", cls, {**_parameters(cls), **each}))
    for each in callbacks:
        cls = type(each)
        settings = {name: getattr(each, name) for name in _parameters(cls) if hasattr(each, name)}
        found.append((f"callbacks: {cls.__name__}", cls, settings))
    others = any(package_of(cls) not in ("keras", OWN) or cls.__name__ == "LambdaCallback" for _, cls, _ in found)
    return [Asked(path, _classes(cls), settings, others) for path, cls, settings in found]


def _classes(cls):
    own = [cls.__name__] if package_of(cls) == OWN else []
    return own + [each.__name__ for each in cls.__mro__ if package_of(each) == "keras"]


def _parameters(cls):
    """Return the arguments of a class's constructor and of those that it derives from, with their defaults."""
    found = {}
    for each in [each for each in cls.__mro__ if "Callback" in _classes(each)]:
        for name, parameter in inspect.signature(each).parameters.items():
            found.setdefault(name, parameter.default)
    return found


def _averages(training, given):
    return "averages weights that are neither validated nor kept; write training.average, as in average: 0.99"


def _clips(training, given):
    key = next((key for key in CLIPS.values() if getattr(training, key) is not None), None)
    if key is not None:
        return f"clips the gradient beside training.{key}; keep one of the two"
    several = [name for name in CLIPS if name in given]
    return f"{' and '.join(several)} exclude one another; keep one" if len(several) > 1 else ""


def _accumulates(training, given):
    return "counts beside training.accumulate; keep training.accumulate" if training.accumulate > 1 else ""


def _scales(training, given):
    return "divides gradients of a loss that nothing has scaled; leave it out: no precision here needs it"


def _sets_rate(plan, asked):
    schedule = plan.training.schedule["name"]
    if schedule == "constant":
        return ""
    return f"sets the learning rate, as training.schedule {schedule} does; leave it out, or write schedule: constant"


def _calls(plan, asked):
    functions = [each for name, each in asked.settings.items() if name == "schedule" or name.startswith("on_")]
    if all(each is None or callable(each) for each in functions):
        return ""
    return "calls functions, which a recipe cannot hold; give it to fit in Python, or write training.schedule"


def _metrics(plan):
    return ["loss", *(["val_loss"] if plan.validates else []), "gradient_norm", "clipped"]


def _watches(plan, asked):
    if asked.settings.get("save_best_only") is False:  # a ModelCheckpoint then looks at no metric
        return ""
    metric, mode, metrics = asked.settings.get("monitor"), asked.settings.get("mode"), _metrics(plan)
    if metric == "val_loss" not in metrics:
        return f"there is no val_loss, split.validation being 0; it can monitor {', '.join(metrics)}"
    if metric not in metrics and not asked.metrics:
        return f"there is no metric {metric!r} to monitor; accepted: {', '.join(metrics)}"
    if mode not in (None, "auto", "min", "max"):  # which Keras would take for auto
        return f"mode must be min or max, not {mode!r}"
    if mode == "auto" and metric not in ("loss", "val_loss"):
        return f"needs a mode, min or max, to know which {metric} is better"
    return ""


def _writes_metrics(plan, asked):
    known = [*_metrics(plan), "epoch", "batch"]
    unknown = [name for name in re.findall(r"\{(\w+)", str(asked.settings.get("filepath"))) if name not in known]
    if asked.metrics or not unknown:
        return ""
    return f"there is no {unknown[0]!r} for its filepath; accepted: {', '.join(known[:-1])}"


def _stops(plan, asked):
    patient = plan.training.patience is not None and asked.settings.get("monitor") == "val_loss"
    return "ends the run by the validation loss, as training.patience does; keep one of the two" if patient else ""


def _saves_h5(plan, asked):
    whole = not asked.settings.get("save_weights_only")
    return "saves a model as .keras alone" if whole and str(asked.settings.get("filepath")).endswith(".h5") else ""


def _swaps(plan, asked):
    return "the model that is kept would not be the one validated; write training.average, as in average: 0.99"


def _restores(plan, asked):
    return "would bring other weights back than a resumed run had; leave it out: checkpoints do its work"


def _repeats(key):
    return lambda plan, asked: f"is a part of every run already; write {key} in the recipe"


ARGUMENTS = (
    *((name, _averages) for name in ("use_ema", "ema_momentum", "ema_overwrite_frequency")),
    *((name, _clips) for name in CLIPS),
    ("gradient_accumulation_steps", _accumulates),
    ("loss_scale_factor", _scales),
)
CALLBACKS = (
    ("ReduceLROnPlateau", _sets_rate),
    ("LearningRateScheduler", _sets_rate),
    ("LearningRateScheduler", _calls),
    ("LambdaCallback", _calls),
    *((name, _watches) for name in WATCHERS),
    ("EarlyStopping", _stops),
    ("ModelCheckpoint", _saves_h5),
    ("ModelCheckpoint", _writes_metrics),
    ("SwapEMAWeights", _swaps),
    ("BackupAndRestore", _restores),
    *((name, _repeats(key)) for name, key in OURS.items()),
)
