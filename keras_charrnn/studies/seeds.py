"""Trainings of one recipe from several seeds side by side, each a process of its own on its share of the machine."""

import contextlib
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time

from keras_charrnn.common.files import write_text
from keras_charrnn.common.keras_settings import require_no_limits
from keras_charrnn.common.progress import progress
from keras_charrnn.common.screen import Screen, say, say_notes
from keras_charrnn.common.shell import command_line, quote
from keras_charrnn.common.signals import HeldSignals, ending
from keras_charrnn.errors import SeedsError, SettingsError
from keras_charrnn.model.evaluation import bits
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.runs.records import PART, choosing
from keras_charrnn.studies.shares import PROGRAM, Started, divide
from keras_charrnn.training import read_recipe
from keras_charrnn.training.data import read_text

PAUSE = 0.2  # seconds between two looks at the trainings


def train_seeds(source, seeds, overrides=None, runs_dir="runs", name=None, console=None):
    """Train the model of a recipe from several seeds: its `compute.seed` and those that follow it.

    So many trainings go on side by side as there are cores, or GPUs, each on its share of them; the others wait. One
    that fails does not end the others. Each is a run as `fit` makes it, and goes on by itself with `resume`.

    Args:
        source, overrides, runs_dir, name, console: As in `fit`.
        seeds: How many.

    Returns:
        The list of `Run`s, in the order of the seeds.

    Raises:
        SettingsError: If `seeds` is no whole number of 1 or more.
        CharRNNError: If the recipe or its text do not allow the runs; nothing has been written then.
        SeedsError: If a training failed; all others have come to their end.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP, when each has written a checkpoint.
    """
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise SettingsError(f"seeds must be a whole number of 1 or more; received {seeds!r}")
    require_no_limits()
    plan = read_recipe(source, overrides, name=name)
    console = console or Screen(lasting=True)
    text = read_text(plan, console)  # what is wrong with it is told once
    shares = divide(seeds)
    numbers = [plan.compute.seed + index for index in range(seeds)]
    say(
        console,
        f"corpus   {text.name}: {text.characters:,} characters\nseeds    {', '.join(map(str, numbers))}; "
        f"{len(shares)} at a time, each on its share of the {'cores' if shares[0].gpu is None else 'GPUs'}",
    )
    say_notes(console, *text.notes)
    with tempfile.TemporaryDirectory() as folder:
        recipe = pathlib.Path(folder) / f"{plan.name}.yaml"
        write_text(recipe, plan.to_yaml())
        trainings = [Training(number, recipe, runs_dir, plan) for number in numbers]
        _train(trainings, shares, plan, console)
    _conclude(trainings, plan, console)
    return [each.run for each in trainings]


class Training:
    """One of the trainings: a process, and its run's folder.

    Args:
        seed: Of the recipe's `compute.seed`.
        recipe: Path of the recipe.
        runs_dir: Where the run's folder is made.
        plan: The `Recipe`.

    Attributes:
        seed: As above.
        folder: The `RunFolder`; None before the training has begun.
        share: What it has of the machine, None while it does not run.
        status: With which the process ended.
        problem: Why it failed; None where it did not.
    """

    def __init__(self, seed, recipe, runs_dir, plan):
        self.seed, self.folder, self.share, self.status, self.problem = seed, None, None, None, None
        self._recipe, self._runs_dir, self._plan, self._told = recipe, runs_dir, plan, 0

    def begin(self, share):
        """Start the process."""
        self.folder, self.share = RunFolder.reserve(self._runs_dir, self._plan.name), share
        own = ["--set", f"compute.seed={self.seed}", "--quiet", "--into", self.folder.path]
        command = [*PROGRAM, "train", self._recipe, *own]
        self._started = Started(command, share, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def ask(self, number):
        """Pass a signal on: see `Started`."""
        self._started.ask(number)

    def news(self):
        """Return a line for each epoch that has ended since the last call."""
        rows = self.folder.read_metrics() if self.folder.metrics.exists() else []
        new, self._told = rows[self._told :], len(rows)
        return [f"seed {self.seed}  {_line(row, self._plan.training.epochs)}" for row in new]

    def has_ended(self):
        """Whether the process has."""
        return self._started.process.poll() is not None

    def end(self):
        """Wait for the process to end, and see what came of it; return what it said on standard error."""
        self.status, self.share = self._started.process.wait(), None
        said = self._started.said()
        self._started.close()
        if self.status:
            how = f"signal {-self.status}" if self.status < 0 else f"status {self.status}"
            self.problem = said or f"its process ended with {how}"
            with contextlib.suppress(OSError):  # it is empty where nothing began
                self.folder.path.rmdir()
        return said

    @property
    def run(self):
        """The `Run`."""
        return Run.open(self.folder.path, self._plan.plugins)

    @property
    def can_go_on(self):
        """Whether it has stopped on its way, with a checkpoint."""
        return self.problem is not None and bool(self.folder.checkpoints.paths())


def _line(row, epochs):
    parts = [f"epoch {row['epoch']:{len(str(epochs))}d}/{epochs}", f"train {row['loss']:.3f}"]
    parts += [f"validation {row['val_loss']:.3f}"] if "val_loss" in row else []
    return "  ".join([*parts[:-1], f"{parts[-1]} nats", *([f"{row['seconds']:.0f} s"] if "seconds" in row else [])])


def _train(trainings, shares, plan, console):
    """Let all trainings come to their end, as many at a time as there are shares."""
    waiting, running, free, stopping = list(trainings), [], list(shares), False
    title, epochs = f"training {len(trainings)} seeds", len(trainings) * plan.training.epochs
    with HeldSignals(*ending()) as signals, progress(title, epochs, console=console) as advance:
        try:
            while waiting or running:
                while waiting and free:
                    waiting[0].begin(free.pop(0))
                    running.append(waiting.pop(0))
                    say(console, f"run      {quote(running[-1].folder.path)}, seed {running[-1].seed}")
                time.sleep(PAUSE)
                if signals.received is not None and not stopping:
                    stopping, waiting = True, []
                    for each in running:
                        each.ask(signals.received)
                for each in list(running):
                    share, ended = each.share, each.has_ended()
                    for line in each.news():
                        say(console, line)
                        advance(1)
                    if ended:
                        running.remove(each)
                        free.append(share)
                        _tell_end(each, stopping, console)
        finally:  # of a second Ctrl-C too, which is a second one for them
            for each in running:
                each.ask(signal.SIGINT)
            for each in running:
                each.end()
            if stopping:
                _tell_how_to_go_on(trainings, console)
        signals.check()


def _tell_end(training, stopping, console):
    said = training.end()
    if stopping:
        return
    if training.problem is not None:
        say(console, f"seed {training.seed}  failed")
    elif said:  # a warning
        say(Screen(stderr=True), f"seed {training.seed}: {said}")


def _tell_how_to_go_on(trainings, console):
    stopped = [each for each in trainings if each.can_go_on]
    how = f"{len(stopped)} of {len(trainings)} trainings can go on, each by itself:" if stopped else "none had begun"
    say(console, "\n".join([f"\nInterrupted; {how}", *(command_line("resume", each.folder.path) for each in stopped)]))


def _conclude(trainings, plan, console):
    """Show what came out, and what can be done with all runs together.

    Raises:
        SeedsError: If a training failed.
        SettingsError: If all did, for one mistake in what was asked for.
    """
    done, failed = ([each for each in trainings if (each.problem is None) == good] for good in (True, False))
    if not done and {each.status for each in failed} == {2} and len({each.problem for each in failed}) == 1:
        raise SettingsError(failed[0].problem)
    found = [each for each in done if each.run.metrics]
    names = [choosing(each.run.history, each.run.progress)[0] for each in found]  # alike: all are of one recipe
    losses = [each.run.metrics[name or "loss"] for each, name in zip(found, names, strict=True)]
    what = "best validation loss" if plan.validates else "training loss"
    of = " on the part that looks read" if PART in names else ""
    lines = [
        f"seed {each.seed}  {quote(each.folder.path)}  {what} {loss:.4f} nats ({bits(loss):.4f} bits){of}"
        for each, loss in zip(found, losses, strict=True)
    ]
    if len(found) > 1:
        together = pathlib.Path("+".join(str(each.folder.path) for each in found))
        teaching = "train", found[0].folder.recipe, "--set", f"teacher.from={together}"
        lines += [
            f"{what} of {len(found)} seeds: mean {statistics.mean(losses):.4f} nats per character, from "
            f"{min(losses):.4f} to {max(losses):.4f}, standard deviation {statistics.stdev(losses):.4f}",
            f"together, as an ensemble:\n{command_line('evaluate', together)}\n{command_line('sample', together)}",
            f"as one model that learns from them:\n{command_line(*teaching)}",
        ]
    say(console, "\n".join(["", *lines]))
    if failed:
        problems = "\n".join(f"seed {each.seed}: {each.problem}" for each in failed)
        raise SeedsError(f"{len(failed)} of {len(trainings)} trainings failed\n{problems}")
