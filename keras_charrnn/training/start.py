"""fit and resume: the two ways into a training."""

import dataclasses
import json
import tempfile

from keras_charrnn import recipe
from keras_charrnn.common.files import write_text
from keras_charrnn.common.keras_settings import require_no_limits
from keras_charrnn.common.screen import Screen, say
from keras_charrnn.engine import compute
from keras_charrnn.errors import CorpusError, RunError, SettingsError
from keras_charrnn.recipe.fights import refuse_fights
from keras_charrnn.recipe.reading import load_text
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.runs.measures import training_text
from keras_charrnn.training.changes import adapted, changes, extended, goes_on
from keras_charrnn.training.data import Data, read_recipe, read_text
from keras_charrnn.training.ending import end
from keras_charrnn.training.parts import make_model, make_named_callbacks
from keras_charrnn.training.requirements import require_callbacks
from keras_charrnn.training.starting import Beginning, known_symbols
from keras_charrnn.training.teaching import Teacher, identities
from keras_charrnn.training.telling import announce, describe, tell_changes
from keras_charrnn.training.train import train
from keras_charrnn.training.workers import Group, awaited, meet


def fit(source, overrides=None, runs_dir="runs", name=None, callbacks=(), console=None, start=None):
    """Train the model of a recipe.

    Args:
        source: Path of a recipe, a mapping, or a `Recipe`.
        overrides: {"model.units": 256, ...}, laid over the recipe.
        runs_dir: Where the run's folder is made: RUNS_DIR/NAME-001, or the next number.
        name: NAME, in place of the recipe's.
        callbacks: Further Keras callbacks. Those of batches are called every 10 steps, with the last step's number.
        console: A `rich.console.Console` for what is shown; None for standard output.
        start: A `Run`, or the path of one or of a .keras file, whose model to begin from; in place of the recipe's
            `start.from`.

    Returns:
        A `Run`.

    Raises:
        CharRNNError: If the recipe, its text or the machine do not allow the run; nothing has been written then.
        WriteError: If a file of the run cannot be written, while it runs; the checkpoint before is as it was.
        DivergenceError: If the loss diverged; the best model so far is in the run's folder.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP, when the step is done and a checkpoint
            written: `resume` goes on from it.
    """
    require_no_limits()
    require_callbacks(callbacks)
    if start is not None:
        overrides = {**(overrides or {}), "start.from": str(getattr(start, "folder", start))}
    plan = read_recipe(source, overrides, callbacks, name)
    return begin(plan, lambda: RunFolder.create(runs_dir, plan.name), callbacks, console)


def begin(plan, make_folder, callbacks=(), console=None):
    """Train the model of a recipe in the folder that a function makes, once all else has been seen to be in order.

    Args:
        plan: A `Recipe`, as `read_recipe` returns it.
        make_folder: Returns the `RunFolder`.
        callbacks, console: As in `fit`.
    """
    console = console or Screen(lasting=True)
    with meet(plan.compute.workers) as team:
        if team is not None:
            team.join(plan)
            if team.rank:
                return _follow(plan, team, callbacks)
        text = None if team is None else _agreed_text(plan, team, console)
        machine = _prepare(plan, team)
        beginning = Beginning.of(plan)
        known = None if beginning is None else beginning.model.vocabulary
        data, model, callbacks = _make(plan, team, machine, callbacks, console, known, Teacher.of(plan), text)
        start = None if beginning is None else beginning.hand_over(model, data, plan.compute.seed)
        folder = make_folder()
        with folder.lock() as note:
            write_text(folder.recipe, plan.to_yaml())
            write_text(folder.environment, json.dumps(describe(machine, data, model, start), indent=2) + "\n")
            announce(console, plan, machine, data, model, folder, note, start)
            return train(plan, data, model, folder, callbacks, console)


def _agreed_text(plan, team, console):
    """Return the text of a recipe, once all workers have seen that they have the same, and the same teachers."""
    text = read_text(plan, console)
    _agree(plan, team, text)
    return text


def _agree(plan, team, text):
    team.agree_on(text, [sha256 for sha256, _ in identities(plan)])


def _prepare(plan, team, precision=None, replicas=None):
    """Return the `Machine`, with the group connected, where all compute alike."""
    asked, rows = plan.compute, plan.windows.batch_size
    if team is None:
        return compute.prepare(precision or asked.precision, replicas or asked.replicas, rows)

    def connect():
        team.connect(asked.reduce_precision)

    facts = team.facts
    return compute.prepare(facts["precision"], facts["replicas"], rows, team.count, connect, facts["cores"])


def _make(plan, team, machine, callbacks, console, known, teacher, text=None):
    """Return data, model and callbacks of a training, all that comes before its folder is touched."""
    text, rows = text or read_text(plan, console), team and team.collective.rows(plan.windows.batch_size)
    data = Data.of(text, plan, console, known, rows)
    model = make_model(plan, data, machine, team and team.collective)
    callbacks = [*make_named_callbacks(plan), *callbacks]
    if teacher is not None:  # when all else is in order, for it takes a while
        data = data.with_lessons(teacher, plan, console, rows)
    return data, model, callbacks


def _follow_resumed(callbacks, plugins):
    """Go on beside the chief, whose recipe and checkpoint come from it: the run's folder may be on its own disk."""
    with meet("auto") as team:
        team.join(None)
        if "dismissed" in team.facts:
            return None
        told, _ = load_text(team.facts["recipe"], "the chief's recipe")
        return _follow(recipe.read(told, {}, plugins, begun=True), team, callbacks)


def _follow(plan, team, callbacks):
    """Train beside the chief, in a folder that nobody keeps; return None."""
    console, start = Screen(quiet=True), team.start
    text = _agreed_text(plan, team, console)
    machine = _prepare(plan, team)
    beginning = None if start is not None else Beginning.of(plan)
    known = known_symbols(team.facts["start"]) if beginning is None else beginning.model.vocabulary
    data, model, callbacks = _make(plan, team, machine, callbacks, console, known, Teacher.of(plan), text)
    if beginning is not None:
        beginning.hand_over(model, data, plan.compute.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(place).fill()
        if start is not None:  # a training that diverges goes back to it
            folder.checkpoints.put(start)
        return train(plan, data, model, folder, callbacks, console, start)


def resume(path, callbacks=(), console=None, plugins=(), epochs=None, minutes=None, learning_rate=None):
    """Go on with a run exactly where it stopped, from its newest checkpoint; or for longer, finished or not.

    On a CPU the run then ends with the same weights, metrics and samples as one that was never interrupted. What it was
    trained with, precision and replicas, is kept; on another machine the figures may differ in their last digits.

    The run's recipe.yaml may have been changed meanwhile in some keys (`changes.TAKEN`), which then have effect and are
    said: epochs, minutes, patience, learning rate, samples, checkpoints and callbacks. More of the first three let a
    run go on that has finished.

    The arguments `epochs`, `minutes` and `learning_rate` change them too, and are kept in recipe.yaml. Weights,
    optimizer, average and states go on. With a schedule of cosine, the learning rate of a run that had finished begins
    a new course, from the recipe's rate or the one given to the new end; in one that had not, the course leads to the
    new end. Other schedules go on as they are. The metrics have one history, in which
    `continued` marks what came later.

    Args:
        path: Of the run's folder, or a `Run`.
        callbacks: The further callbacks that `fit` had, made anew: each gets back what it remembered.
        console: As in `fit`.
        plugins: As `keras_charrnn.load` takes them, where those that the run's recipe names are elsewhere now.
        epochs, minutes: Those of the whole run; None for the recipe's.
        learning_rate: From now on; None for the recipe's.

    Returns:
        A `Run`; that of a run which has finished at once.

    Raises:
        RunError: If there is no such run, its text has changed, no checkpoint can be read, or another process has it.
        RecipeError: If its recipe has been changed in what a run cannot change on its way; the message names the keys.
        SettingsError: If a run that has finished is to go on, and is given no more epochs or minutes than it had.
        CharRNNError, WriteError, DivergenceError, KeyboardInterrupt, SystemExit: As `fit`.
    """
    require_no_limits()
    require_callbacks(callbacks)
    group = Group.of()
    if group is not None and group.rank:
        return _follow_resumed(callbacks, plugins)
    with awaited(group) as told:
        return _resume(path, callbacks, console, plugins, epochs, minutes, learning_rate, told)


def _resume(path, callbacks, console, plugins, epochs, minutes, learning_rate, told):
    folder = RunFolder.open(getattr(path, "folder", path))
    console = console or Screen(lasting=True)
    asked = {"epochs": epochs, "minutes": minutes, "optimizer.learning_rate": learning_rate}
    asked = {f"training.{name}": value for name, value in asked.items() if value is not None}
    with folder.lock() as note:
        with folder.naming_version():
            plan = folder.read_recipe(plugins or getattr(path, "plugins", ()))
            start = folder.checkpoints.newest()
            if asked:
                plan = extended(plan, start, asked)
            changed = changes(plan, start, folder.recipe)
            if changed:  # a run that has begun otherwise goes on as it did
                refuse_fights(plan, folder.recipe, callbacks)
        if start.facts["finished"] and not (asked or goes_on(changed)):
            if not folder.report.is_file():  # the end came between the last checkpoint and the report
                characters = folder.read_environment()["split"].get("train")
                try:
                    learned = training_text(Run.open(folder.path, plan.plugins))
                except CorpusError:  # the report is to be had without
                    learned = None
                end(folder, plan.samples.beginning, characters, learned, console)
            more = "; more training.epochs would let it go on, as its recipe is now" if changed else ""
            say(console, f"{folder.path} has finished; nothing is left to do{more}")
            return Run.open(folder.path, plan.plugins)
        environment = folder.read_environment()
        start = adapted(start, plan)
        with meet(plan.compute.workers) as team:
            told()
            recorded = environment["machine"]
            if team is not None:
                team.join(plan, start, environment.get("start"), _as_before(recorded, plan, team.count))
            text = read_text(plan, console)
            if not text.is_that_of(environment["corpus"]):
                raise RunError(
                    f"{text.source} is not the text that {folder.path} was trained on: its checksum is another; "
                    "bring the text back, or start a new run"
                )
            if team is not None:
                _agree(plan, team, text)
            machine = _same_machine(recorded, plan, team)
            known = known_symbols(environment.get("start"))
            teacher = Teacher.of(plan, environment.get("teacher", {}).get("sha256", []))
            data, model, callbacks = _make(plan, team, machine, callbacks, console, known, teacher, text)
            if len(data.vocabulary) != environment["vocabulary"]["symbols"]:
                raise RunError(
                    f"{text.source} has {len(data.vocabulary)} symbols, {environment['vocabulary']['symbols']} when "
                    f"{folder.path} began: before 0.2.0 a CR alone was no line end; start a new run"
                )
            if asked:
                folder.write_recipe(plan)
            announce(console, plan, machine, data, model, folder, note)
            for line in tell_changes(changed, plan):
                say(console, line)
            say(
                console,
                f"resume   from epoch {start.facts['epoch'] + 1}, step {start.facts['step']} of {data.training.steps}",
            )
            if start.facts["finished"]:
                folder.forget_end()
            return train(plan, data, model, folder, callbacks, console, start)


def _as_before(recorded, plan, workers):
    """Return precision and replicas that a run had; of other workers, who have other rows, auto replicas."""
    precision, replicas = (recorded.get(name, getattr(plan.compute, name)) for name in ("precision", "replicas"))
    return precision, replicas if recorded.get("workers", 1) == workers else "auto"


def _same_machine(recorded, plan, team):
    """Return the machine with the precision and the replicas that the run had, where they can be had."""
    if team is not None:
        return _prepare(plan, team)
    precision, replicas = _as_before(recorded, plan, 1)
    try:
        return _prepare(plan, None, precision, replicas)
    except SettingsError as error:
        machine = _prepare(plan, None, precision, "auto")
        return dataclasses.replace(machine, notes=(*machine.notes, f"not exactly as before: {error}"))
