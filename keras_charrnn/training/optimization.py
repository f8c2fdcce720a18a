"""The optimizer of a recipe, Keras's own, and the callbacks of its learning rate, average and minutes."""

import re

import keras
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.recipe.arguments import optimizer_class
from keras_charrnn.training.callbacks import AverageWeights, TimeBudget
from keras_charrnn.training.muon import Muon

# No weight decay for what shifts or scales a whole unit: it would pull the gates from where they are wanted. Matrices
# decay, the embedding among them, as in GPT-2's and most later trainings.
NOT_DECAYED = re.compile(r"bias|gain|gamma|beta|scale")


class Course(keras.optimizers.schedules.CosineDecay):
    """Keras's, from a step on, worked out once in a graph.

    Keras asks for the rate anew for each weight that decays. The graph of a training would have some 50 operations for
    each answer.

    Args:
        args, kwargs: Keras's.
        first: The step at which it begins.
    """

    def __init__(self, *args, first=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.first, self._made = first, (None, None, None)

    def __call__(self, step):
        if tf.executing_eagerly():
            return self._at(step)
        graph = tf.compat.v1.get_default_graph()
        if self._made[0] is not graph or self._made[1] is not step:
            self._made = graph, step, self._at(step)
        return self._made[2]

    def _at(self, step):
        return super().__call__(keras.ops.maximum(step - self.first, 0))

    def get_config(self):
        return {**super().get_config(), "first": self.first}


def make_optimizer(settings, steps, model, rate_factor=1.0):
    """Return the optimizer for a model.

    Weight decay leaves out biases, gains and all other weights of one axis. Of Muon these, and what has a row or a
    column for each symbol, take AdamW's step, with the same learning rate and weight decay unless the recipe says
    otherwise.

    Args:
        settings: `recipe.training.Training`.
        steps: Windows in an epoch.
        model: A `CharRNN`.
        rate_factor: By which the learning rate is multiplied throughout.

    Raises:
        SettingsError: If Keras refuses an argument, or is too old for the optimizer.
    """
    arguments = dict(settings.optimizer)
    name, rate = arguments.pop("name"), rate_factor * arguments.pop("learning_rate")
    if settings.schedule["name"] == "cosine" and settings.minutes is None:
        warm_up, total = settings.schedule["warmup_steps"], (settings.epochs - settings.from_epoch) * steps
        rate = Course(
            0.0 if warm_up else rate,
            max(1, total - warm_up),
            alpha=settings.schedule["final"],
            warmup_target=rate if warm_up else None,
            warmup_steps=warm_up,
            first=settings.from_step,
        )
    if settings.average is not None:
        arguments |= {"use_ema": True, "ema_momentum": settings.average}
    if settings.accumulate > 1:
        arguments["gradient_accumulation_steps"] = settings.accumulate
    spared = [each for each in model.trainable_weights if len(each.shape) < 2 or NOT_DECAYED.search(each.name)]
    try:
        optimizer = _optimizer(name, {"learning_rate": rate, **arguments}, model, spared)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"training.optimizer: Keras refuses {settings.optimizer}: {error}") from error
    optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


def _optimizer(name, arguments, model, spared):
    kind = optimizer_class(name)
    if name != "muon":
        return kind(**arguments)
    apart = [*spared, *model.symbol_weights]  # which Muon's step would not suit: it is for what mixes directions
    apart = [*arguments.pop("exclude_layers", ()), *(f"^{re.escape(each.path)}$" for each in apart)]
    if "weight_decay" in arguments:
        arguments = {"adam_weight_decay": arguments["weight_decay"], **arguments}
    return Muon(**arguments, exclude_layers=apart, precision=model.precision)


def make_callbacks(settings, steps, rate_factor=1.0):
    """Return the callbacks that steer a training, in the order in which they belong, before any that saves.

    Args:
        settings, steps, rate_factor: As in `make_optimizer`.
    """
    schedule, first = settings.schedule, rate_factor * settings.optimizer["learning_rate"]
    used = []
    if schedule["name"] == "exponential":
        used.append(_by_epoch(first, lambda epoch: schedule["rate"] ** max(0, epoch - schedule["from_epoch"])))
    elif schedule["name"] == "step":
        used.append(_by_epoch(first, lambda epoch: schedule["rate"] ** (epoch // schedule["every_epochs"])))
    if settings.minutes is not None:
        rate = _cosine(first, schedule) if schedule["name"] == "cosine" else None
        before = settings.from_step, 60 * settings.from_minutes
        most = settings.from_step + (settings.epochs - settings.from_epoch) * steps
        used.append(TimeBudget(60 * settings.minutes, most, rate, before))
    if settings.average is not None:
        used.append(AverageWeights(settings.average))
    return used


def _by_epoch(first, share):
    return keras.callbacks.LearningRateScheduler(lambda epoch: first * share(epoch))


def _cosine(first, schedule):
    """Return the learning rate as a function of the windows so far and of the share of the run that is over."""
    decay = keras.optimizers.schedules.CosineDecay(first, 1.0, alpha=schedule["final"])
    warm_up = schedule["warmup_steps"]
    return lambda step, progress: min(1.0, (step + 1) / (warm_up + 1)) * float(decay(progress))
