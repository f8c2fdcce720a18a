"""Checkpoints while a model trains, and the way back into a training from one."""

import concurrent.futures
import inspect
import json
import random
import time

import keras
import numpy as np

from keras_charrnn.errors import RunError

APART = "choosing/"  # before the names of memories that are apart


class Checkpointing(keras.callbacks.Callback):
    """Writes all that a training needs to go on exactly where it was, or brings a training back to that.

    To be the last of the callbacks: what the others remember at the end of an epoch is then in the checkpoint, and what
    they set up at the beginning of a training gives way to it. Of a callback those attributes are kept that its
    attribute `memory`, a tuple of names, lists; of one without it, such as Keras's own, all that have changed since the
    training began, are plain values (numbers, texts, lists and mappings from texts), and are no arguments of its
    constructor.
    While other values stand in the place of the weights, the callback that has put them there holds the weights of
    training in its attribute `weights_aside`, arrays; these are saved. Where several processes train, the states are
    those of all rows, of which each process takes its own.

    That of the beginning is written while the first steps are traced and compiled, in a thread of its own; `close`, to
    be called in the end whatever has happened, waits for it.

    Args:
        checkpoints: A `Checkpoints`.
        callbacks: The other callbacks, whose memories count: of one kind, each has that of its place among them.
        steps: Windows in an epoch.
        every_minutes, every_steps, every_epochs: When to write, whichever comes first; 0 for never. Steps are looked
            at where Keras calls: with `steps_per_execution` above 1, at the first such step at or after the period's
            end.
        start: The `Checkpoint` to go on from; None for the beginning, which is then written as a checkpoint too.
        rate_factor: By which to multiply the learning rate that the optimizer had then.
        facts: A mapping of plain values to put into each checkpoint.
        choosing: Callbacks before these whose memories are apart, so that there may be others of them another time.
        kept: One of those, with an attribute `best`; each change of that is written before the next step. So what it
            has kept is never of steps that a training which goes back forgets. None for nothing of the kind.
    """

    def __init__(
        self,
        checkpoints,
        callbacks,
        steps,
        every_minutes=5,
        every_steps=0,
        every_epochs=1,
        start=None,
        rate_factor=1.0,
        facts=None,
        choosing=(),
        kept=None,
    ):
        super().__init__()
        self.checkpoints, self.callbacks, self.steps, self.start = checkpoints, [*choosing, *callbacks], steps, start
        self._choosing, self._kept, self._best = len(choosing), kept, None
        self.every_minutes, self.every_steps, self.every_epochs = every_minutes, every_steps, every_epochs
        self.rate_factor, self.facts = rate_factor, dict(facts or {})
        self.clock = time.monotonic
        self.saved, self._finished = None, False  # windows at the last one; whether the training has come to its end
        self._beginning = None

    def prepare(self, model):
        """Bring weights and optimizer to where the checkpoint has them."""
        if self.start is not None:
            bring_back(model, self.start, ["weights", "optimizer"])
            rate = model.optimizer.learning_rate
            if isinstance(rate, keras.Variable):  # a schedule's is no variable, and made with the factor
                rate.assign(rate * self.rate_factor)

    def on_train_begin(self, logs=None):
        self._before = [plain_attributes(callback) for callback in self.callbacks]
        self._written = self.clock()
        if self.start is None:
            self._epoch, self._step = 0, 0
            now, aside = self._now(), concurrent.futures.ThreadPoolExecutor(1)
            self.saved, self._beginning = now[0], aside.submit(self.checkpoints.save, *now)
            aside.shutdown(wait=False)
        else:
            self._epoch, self._step = (self.start.facts[name] for name in ("epoch", "step"))
            self.saved = int(self.model.windows_done)
            memories = _matching(self.start.facts["memories"], self._names())
            for memory, callback in zip(memories, self.callbacks, strict=True):
                for attribute, value in memory.items():
                    setattr(callback, attribute, value)
            self._bring_back(["states", "seeds", "watch"])
        self._best = getattr(self._kept, "best", None)

    def on_epoch_begin(self, epoch, logs=None):
        if self._step:  # in the midst of an epoch: what its beginning has reset, here or in Keras, is brought back
            self._bring_back(["states", "seeds", "watch", "metrics"])
        self._epoch, self.start = epoch, None

    def on_train_batch_begin(self, batch, logs=None):
        if self._kept is not None and self._kept.best != self._best:
            self.save()

    def on_train_batch_end(self, batch, logs=None):
        self.close()
        self._step = min(batch + 1, self.steps)
        passed = int(self.model.windows_done) - self.saved
        due = self.every_steps and passed >= self.every_steps
        if due or (self.every_minutes and self.clock() - self._written >= 60 * self.every_minutes):
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self._epoch, self._step = epoch + 1, 0
        self._finished = bool(self.model.stop_training or self._epoch == self.params["epochs"])
        if self._finished or (self.every_epochs and self._epoch % self.every_epochs == 0):
            self.save()

    def save(self):
        """Write a checkpoint of this moment, between two steps.

        Raises:
            WriteError: If it cannot be written.
        """
        now = self._now()
        self.checkpoints.save(*now)
        self.saved, self._written = now[0], self.clock()
        self._best = getattr(self._kept, "best", None)

    def close(self):
        """Wait until the checkpoint of the beginning is written.

        Raises:
            WriteError: If it cannot be.
        """
        beginning, self._beginning = self._beginning, None
        if beginning is not None:
            beginning.result()

    def _now(self):
        """Return what `Checkpoints.save` writes of this moment: the step, facts and arrays."""
        facts = {
            **self.facts,
            "epoch": self._epoch,
            "step": self._step,
            "finished": self._finished,
            "memories": [
                [name, self._memory(callback, before)]
                for name, callback, before in zip(self._names(), self.callbacks, self._before, strict=True)
            ],
            "random": _random_states(),
        }
        groups = self.model.training_variables()
        arrays = {name: _values(variables) for name, variables in groups.items()}
        if self.model.workers is not None:
            arrays["states"] = self.model.workers.gather(arrays["states"])
        for callback in self.callbacks:
            if (weights := getattr(callback, "weights_aside", None)) is not None:
                arrays["weights"] = weights
        return int(self.model.windows_done), facts, arrays

    def _bring_back(self, groups):
        bring_back(self.model, self.start, groups)
        _set_random_states(self.start.facts["random"])

    def _names(self):
        names = [type(callback).__name__ for callback in self.callbacks]
        return [f"{APART}{name}" for name in names[: self._choosing]] + names[self._choosing :]

    def _memory(self, callback, before):
        if (names := getattr(callback, "memory", None)) is not None:
            return {name: _plain(getattr(callback, name)) for name in names}
        now = plain_attributes(callback)
        return {name: value for name, value in now.items() if name not in before or before[name] != value}


def plain_attributes(callback):
    """Return the attributes of a callback that are no settings and that JSON can hold, as copies."""
    plain, settings = {}, inspect.signature(type(callback)).parameters
    for name, value in vars(callback).items():
        if name in settings:  # Keras's EarlyStopping turns the sign of its `min_delta` at first use
            continue
        try:
            plain[name] = _plain(value)
        except (TypeError, ValueError):
            continue  # the model, a console, a file: set up anew by whoever makes the callback
    return plain


def _plain(value):
    """Return a copy of a value as JSON holds it.

    Raises:
        TypeError, ValueError: If it cannot.
    """
    return json.loads(json.dumps(value, default=_number))


def _number(value):
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    raise TypeError


def _matching(memories, names):
    """Return for each of `names` the memory saved under it, in order; {} where there is none."""
    left = [list(each) for each in memories]
    if not any(name.startswith(APART) for name, _ in left):  # earlier versions had all in one order
        names = [name.removeprefix(APART) for name in names]
    found = []
    for name in names:
        place = next((i for i, (saved, _) in enumerate(left) if saved == name), None)
        found.append({} if place is None else left.pop(place)[1])
    return found


def _values(variables):
    return [variable.numpy() for variable in variables]


def bring_back(model, checkpoint, groups):
    """Give the variables of some groups of `Steps.training_variables` the values that a checkpoint has for them.

    Raises:
        RunError: If their shapes are others.
    """
    variables = model.training_variables()
    for name in groups:
        values = checkpoint.group(name)
        if name == "states" and model.workers is not None:
            values = [value[model.workers.rows(len(value))] for value in values]
        shapes, wanted = [value.shape for value in values], [tuple(each.shape) for each in variables[name]]
        if shapes != wanted:
            raise RunError(
                f"the checkpoint does not fit the run: its {name} have the shapes {shapes}, those of the recipe "
                f"{wanted}; were recipe.yaml, the plugin or the callbacks changed since?"
            )
        for variable, value in zip(variables[name], values, strict=True):
            variable.assign(value)


def _random_states():
    """Return the states of Python's and NumPy's own generators, which callbacks and plugins may draw from."""
    version, numbers, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()
    return {"python": [version, list(numbers), gauss], "numpy": [name, keys.tolist(), *rest]}


def _set_random_states(states):
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
