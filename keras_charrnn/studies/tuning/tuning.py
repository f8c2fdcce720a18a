"""tune: trials of a recipe's search, one after another, within a time, and the best recipe of them."""

import dataclasses
import math
import os
import pathlib

from keras_charrnn import recipe
from keras_charrnn.common.files import clean_name, lock, make_output, name_of, remove_temporaries, user_path
from keras_charrnn.common.screen import Screen, say, say_notes
from keras_charrnn.common.shell import command_line, quote
from keras_charrnn.engine import compute
from keras_charrnn.errors import RecipeError, RunError, SettingsError
from keras_charrnn.studies.comparison.growing import GrowingTable
from keras_charrnn.studies.jobs import make_jobs
from keras_charrnn.studies.tuning.judge import Deadline
from keras_charrnn.studies.tuning.results import DONE, FAILED, FILE, PRUNED, RUNNING, Search, Trial
from keras_charrnn.studies.tuning.space import Space
from keras_charrnn.studies.tuning.study import Study, load_optuna
from keras_charrnn.studies.tuning.training import train_trial
from keras_charrnn.studies.tuning.writing import newest, to_rich, words_of, write_search
from keras_charrnn.training import read_recipe, versions
from keras_charrnn.training.data import read_text, vocabulary_of
from keras_charrnn.training.requirements import note_of_prefix, require_validation
from keras_charrnn.training.starting import Beginning

FAILURES = 5  # in a row, after which nothing else is to be expected


def tune(source, minutes, trials=None, overrides=None, output=None, console=None, jobs=1):
    """Search over the keys that the section `tune` of a recipe names, for the least validation loss.

    Optuna proposes the values; trials that fall behind are ended early, by successive halving. A trial that fails is a
    row that says why. No trial begins that could not end, to judge by the quickest so far; one that is not done when
    the time is over ends then, with a validation, and counts with what it has reached.

    Args:
        source: Path of a recipe, a mapping, or a `Recipe`; or the folder of a search, which then goes on where it
            stopped: in the midst of a trial, if need be, and none that has ended is repeated.
        minutes: Of this search, all included, but for the end of the last trial: writing its files.
        trials: Most trials, with those that are there already; None: as many as the time allows, or the keys have
            combinations.
        overrides: {"training.epochs": 1, ...}, laid over the recipe.
        output: The folder to make, new or empty; None for runs/NAME-tune-001, or the next number.
        console: A `rich.console.Console` for what is shown; None for standard output.
        jobs: How many trials go on side by side, each in a process of its own on its share of the cores, or a GPU.
            Which values are proposed then depends on which trial ends first.

    Returns:
        A `Search`. Its folder has tune.csv (the table), tune.json (with each epoch's loss, the recipe, the machine and
        the versions), tune.md, best.yaml (the recipe with the best values) and the folder of each trial's run.

    Raises:
        CharRNNError: If the recipe, its text or the machine do not allow any run; nothing has been written then.
        ExtraError: If Optuna is not installed.
        SettingsError: If `minutes`, `trials` or `output` is out of its range.
        RunError: If the search to go on with is damaged, its text has changed, or another process has it.
        WriteError: If a file cannot be written.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP; what was done until then is kept.
    """
    load_optuna()
    _check(minutes, trials)
    jobs = make_jobs(jobs, train_trial)
    end = Deadline.clock() + 60 * minutes
    console = console or Screen(lasting=True)
    search, plan = _open(source, overrides, output, minutes)
    require_validation(plan, "tune")
    machine = compute.prepare(plan.compute.precision, plan.compute.replicas, plan.windows.batch_size)
    text, beginning = read_text(plan, console), Beginning.of(plan)
    vocabulary = vocabulary_of(text, plan, None if beginning is None else beginning.model.vocabulary)
    note = note_of_prefix(plan.samples.beginning, vocabulary)
    if search is None:
        facts = {
            "recipe": plan.to_mapping(),
            "corpus": text.describe(),
            "machine": dataclasses.asdict(machine),
            "versions": versions(),
        }
        search = Search(make_output(output, f"{plan.name}-tune"), facts)
    elif text.sha256 != search.facts["corpus"].get("sha256"):
        raise RunError(f"{text.source} is not the text that {search.folder} began with; bring it back, or begin anew")
    lines = [f"corpus   {text.name}: {text.characters:,} characters", f"compute  {machine.describe()}"]
    lines += [f"folder   {quote(search.folder)}"]
    say(console, "\n".join(lines))
    say_notes(console, *text.notes, note, *machine.notes)
    taken = f"{search.folder} is being searched by another process; wait for it, or stop it"
    with lock(search.folder / "lock", taken) as unlocked:
        remove_temporaries(search.folder)
        say_notes(console, unlocked)
        try:
            with GrowingTable(console, lambda: to_rich(search)) as screen, jobs:
                _Searching(search, plan, end, screen, jobs).go_on(trials)
        finally:  # of Ctrl-C too
            write_search(search, plan)
            say(console, "\n".join(_conclusion(search, minutes)))
    return search


def _check(minutes, trials):
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < math.inf:
        raise SettingsError(f"minutes must be a number above 0; received {minutes!r}")
    if trials is not None and (isinstance(trials, bool) or not isinstance(trials, int) or trials < 1):
        raise SettingsError(f"trials must be a whole number of 1 or more; received {trials!r}")


def _is_search(path):
    return isinstance(path, str | os.PathLike) and (user_path(path) / FILE).is_file()


def _open(source, overrides, output, minutes):
    """Return the search that is to go on, or None for a new one, and the recipe."""
    if output is not None and _is_search(output):
        raise SettingsError(f"{quote(output)} has a search in it; to go on with it:\n{_going_on(output, minutes)}")
    if not _is_search(source):
        plan = read_recipe(source, overrides)
        if not plan.tune:
            label = name_of(source) if isinstance(source, str | os.PathLike) else "recipe"
            raise RecipeError("tune: is missing; write keys to search, as in `tune: {model.units: [128, 256]}`", label)
        return None, plan
    if overrides or output is not None:
        raise SettingsError(f"{source} is a search that goes on as it began; leave out overrides and output")
    search = Search.read(source)
    plan = recipe.read(search.facts["recipe"], {"name": clean_name(str(search.facts["recipe"].get("name")))})
    try:
        for each in search.trials:
            Space(plan.tune).to_params(each.values)
    except (LookupError, TypeError, ValueError) as error:
        raise RunError(f"{search.folder / FILE} is damaged: a trial has other values than its recipe allows") from error
    return search, plan


class _Searching:
    """Trains trials until the time is over, or whatever else ends a search."""

    def __init__(self, search, plan, end, screen, jobs):
        self._search, self._plan, self._end, self._screen, self._jobs = search, plan, end, screen, jobs
        self._study = Study(Space(plan.tune), plan.compute.seed)
        self._validation = 0.0  # seconds of the longest so far
        self._left = [each for each in search.trials if each.state == RUNNING]  # of a search that was interrupted

    def go_on(self, most):
        """Let as many trials go on at a time as there are jobs."""
        self._jobs.map(lambda _: self._go_on(most), range(self._jobs.count))

    def _go_on(self, most):
        while True:
            with self._jobs.lock:
                trial = self._next(most)
                if trial is None:
                    return
                write_search(self._search, self._plan)
            self._train(trial)
            with self._jobs.lock:
                write_search(self._search, self._plan)
                self._screen.ended(newest(trial))

    def _next(self, most):
        """Return the trial that begins or goes on now; None where there is none."""
        trials = self._search.trials
        failed = [each.state == FAILED for each in self._search.ended[-FAILURES:]]
        if not self._has_time() or (len(failed) == FAILURES and all(failed)):
            return None
        if self._left:
            return self._left.pop(0)
        if most is not None and len(trials) >= most:
            return None
        values = self._study.propose(trials)
        if values is None:
            return None
        trials.append(Trial(len(trials) + 1, values))
        return trials[-1]

    def _has_time(self):
        """Whether there is as much time left as the quickest trial took that ended by itself, or else a validation."""
        took = [each.seconds for each in self._search.trials if each.state in (DONE, PRUNED)]
        return Deadline.clock() + min(took, default=self._validation) < self._end

    def _train(self, trial):
        """Train a trial; note what it came to."""
        several = self._jobs.count > 1
        with self._jobs.lock:
            ended = self._search.ended
            order = {
                "recipe": self._plan.to_mapping() if several else self._plan,
                "trial": {"number": trial.number, "values": trial.values},
                "ended": [dataclasses.asdict(each) for each in ended] if several else ended,
                "folder": str(self._search.folder),
                "seconds": self._end - Deadline.clock(),
                "validation": self._validation,
            }

        def tell(state):
            with self._jobs.lock:
                self._screen.tell(f"trial {trial.number}, {words_of(trial)}: {state}")

        found = self._jobs.do(order, tell)
        with self._jobs.lock:
            self._validation = max(self._validation, found.pop("validation"))
            for name, value in found.items():
                setattr(trial, name, value)


def _conclusion(search, minutes):
    lines = [search.describe()]
    names = ["tune.csv", "tune.json", "tune.md"]
    if search.best is not None:
        best = search.folder / "best.yaml"
        names.append(best.name)
        lines.append(f"best: trial {search.best.number}, {search.best.nats_per_character:.4f} nats per character")
        lines += ["to train it again:", command_line("train", best)]
    lines.append(f"in {quote(search.folder)}: {', '.join(names)}, and each run")
    return [*lines, "to go on with the search:", _going_on(search.folder, minutes)]


def _going_on(folder, minutes):
    return command_line("tune", pathlib.Path(folder), "--minutes", f"{minutes:g}")
