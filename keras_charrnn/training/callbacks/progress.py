"""What a user sees of a training."""

import time

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from keras_charrnn.common.screen import has_bars, say
from keras_charrnn.model.evaluation import bits
from keras_charrnn.runs.records import PART, WHOLE
from keras_charrnn.training.callbacks.speed import Speed


class Progress(Speed):
    """Shows a bar of the epoch with the loss, the speed and the time left, and keeps a line for each epoch.

    Where there are looks, the bar has the loss of the newest one and the least so far. Where the output can show no bar
    there are only the lines, then of each look too.

    Args:
        console: A `rich.console.Console`.
        characters: Targets in an epoch.
    """

    memory = ("newest", "best")

    def __init__(self, console, characters):
        super().__init__(characters)
        self.console, self._bar = console, None
        self.newest, self.best = None, None  # losses of looks

    def on_train_begin(self, logs=None):
        epochs, steps = self.params["epochs"], self.params["steps"]
        self._started, self._width = time.perf_counter(), len(str(epochs))
        if has_bars(self.console):
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[state]}"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
                expand=True,
            )
            self._task = self._bar.add_task("", total=epochs * steps, state="")
            self._bar.start()

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        compiling = not hasattr(self, "_epoch")
        self._epoch = epoch
        self._show(0, "compiling" if compiling else "")

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if self._bar is not None:
            place, speed = f"{self._last}/{self.params['steps']}", _speed(self.characters_per_second())
            state = f"step {place}  {_loss(logs['loss'])}  {speed}"
            if self.newest is not None:  # in a row of 80 cells
                state = f"{place}  {logs['loss']:.3f}  look {self.newest:.3f}, best {self.best:.3f}  {speed}"
            self._show(self._last, state)

    def look(self, epoch, share, logs):
        """Show what was found within an epoch, at a share of it that is over."""
        loss = next((logs[name] for name in (PART, WHOLE) if name in logs), None)
        if loss is None:
            return
        self.newest, self.best = loss, loss if self.best is None else min(loss, self.best)
        if self._bar is None and share < 1:
            steps = self.params["steps"]
            place = f"step {round(share * steps)}/{steps}"
            say(self.console, f"{place}  train {logs['loss']:.3f}  look {_loss(loss)}, best {self.best:.3f}")

    def on_epoch_end(self, epoch, logs=None):
        parts = [f"epoch {epoch + 1:{self._width}d}/{self.params['epochs']}"]
        if "val_loss" in logs:
            parts += [f"train {logs['loss']:.3f}", f"validation {_loss(logs['val_loss'])}"]
        else:
            parts.append(f"train {_loss(logs['loss'])}")
        parts += [_speed(self.characters_per_second()), f"{time.perf_counter() - self._started:.0f} s"]
        say(self.console, "  ".join(parts))

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Take the bar away; what `fit` does not do when it is interrupted."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, done, state):
        if self._bar is not None:
            name = f"epoch {self._epoch + 1}/{self.params['epochs']}"
            completed = self._epoch * self.params["steps"] + done
            self._bar.update(self._task, description=name, completed=completed, state=state)


def _loss(nats):
    return f"{float(nats):.3f} nats ({bits(float(nats)):.3f} bits)"


def _speed(rate):
    return f"{rate / 1000:.0f}k chars/s" if rate >= 10_000 else f"{rate:.0f} chars/s"
