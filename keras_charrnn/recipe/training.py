"""The section `training` of a recipe."""

import dataclasses

from keras_charrnn.recipe.checks import number, one_of, optional, whole
from keras_charrnn.recipe.named import Named
from keras_charrnn.recipe.section import Section, key
from keras_charrnn.recipe.sections import ABOVE_0, AT_LEAST_0, RATE, SHARE, SHARE_ABOVE_0

OPTIMIZERS = {  # with the learning rate that each has by default
    **dict.fromkeys(("adam", "adamw", "rmsprop", "adagrad", "sgd", "nadam", "adamax", "adadelta", "ftrl"), 0.003),
    **dict.fromkeys(("lion", "schedule_free_adamw"), 0.003),
    "muon": 0.015,
}
OPTIMIZER = Named(
    one_of(*OPTIMIZERS),
    "adamw",
    {name: {"learning_rate": (rate, ABOVE_0)} for name, rate in OPTIMIZERS.items()},
    further="further arguments of Keras's optimizer",
)
SCHEDULES = {
    "constant": {},
    "cosine": {"warmup_steps": (0, whole(0)), "final": (0.0, SHARE)},
    "exponential": {"rate": (0.97, SHARE_ABOVE_0), "from_epoch": (1, whole(0))},
    "step": {"rate": (0.5, SHARE_ABOVE_0), "every_epochs": (5, whole(1))},
}
SCHEDULE = Named(one_of(*SCHEDULES), "constant", SCHEDULES)
ABOVE_1 = number("above 1", lambda value: value > 1)
DIVERGENCES = {
    "stop": {"factor": (3.0, ABOVE_1)},
    "go_back": {"factor": (3.0, ABOVE_1), "rate": (0.5, SHARE_ABOVE_0), "times": (3, whole(1))},
}
DIVERGENCE = Named(one_of(*DIVERGENCES), "stop", DIVERGENCES)


@dataclasses.dataclass(frozen=True)
class Training(Section):
    """The optimisation. The normal form of `optimizer` and `schedule` is a dict of "name" and all settings.

    The exponential schedule multiplies the learning rate by rate ** max(0, epoch - from_epoch), epochs counted from 0;
    the step one by rate ** (epoch // every_epochs); the cosine one rises from 0 for warmup_steps steps, then falls to
    the share `final` of it at the last step, or when `minutes` are over.

    The loss of a step has diverged when it is no number, infinite, or above `factor` times its running mean plus 1 nat.
    `stop` then ends the run; `go_back` returns to the last checkpoint, at most `times` times, and multiplies the
    learning rate by `rate` each time.
    """

    epochs: int = key(10, "passes over the training text, with minutes the most", whole(1))
    minutes: float | None = key(
        None,
        "minutes after which the run ends, from the first epoch on, all included; null: when the epochs are over",
        optional(ABOVE_0),
    )
    patience: int | None = key(
        None,
        "epochs (looks, where there are any) without a better validation loss after which the run ends; null: none",
        optional(whole(1)),
    )
    optimizer: dict = key("adamw", "optimizer, with its learning rate", OPTIMIZER)
    schedule: dict = key("constant", "course of the learning rate", SCHEDULE)
    average: float | None = key(
        None,
        "highest momentum of a moving average of the weights, validated and kept in their place; null: no average",
        optional(number("above 0 and below 1", lambda value: 0 < value < 1)),
    )
    ngram_decay: float = key(1.0, "weight decay of the rows of n-grams (model.ngrams)", AT_LEAST_0)
    accumulate: int = key(1, "windows whose gradients are averaged for one update of the weights", whole(1))
    label_smoothing: float = key(0.0, "share of each target's probability spread over all symbols", RATE)
    clip_norm: float | None = key(None, "largest norm of the whole gradient", optional(ABOVE_0))
    clip_variable_norm: float | None = key(None, "largest norm of each variable's gradient", optional(ABOVE_0))
    clip_value: float | None = key(None, "largest absolute value in the gradient", optional(ABOVE_0))
    divergence: dict = key("stop", "what to do when the loss diverges", DIVERGENCE)
    from_epoch: int = key(0, "epochs of a run before it was continued, which resume --epochs writes", whole(0))
    from_step: int = key(0, "windows before, likewise", whole(0))
    from_minutes: float = key(0.0, "minutes before, likewise", AT_LEAST_0)

    def conflicts(self):
        clips = [name for name in ("clip_norm", "clip_variable_norm", "clip_value") if getattr(self, name) is not None]
        return [f"training: {' and '.join(clips)} exclude one another; keep one"] if len(clips) > 1 else []
