"""compare: cells trained under one recipe, one after another, and what each came to."""

import dataclasses
import gc
import math

from keras_charrnn import registry
from keras_charrnn.common.files import make_output
from keras_charrnn.common.screen import Screen, say, say_notes
from keras_charrnn.common.shell import quote
from keras_charrnn.engine import compute
from keras_charrnn.errors import ExtraError, RecipeError, SettingsError, WriteError, in_words
from keras_charrnn.recipe.sections import CELL
from keras_charrnn.runs.records import choosing
from keras_charrnn.studies.comparison.clock import Clock
from keras_charrnn.studies.comparison.growing import GrowingTable
from keras_charrnn.studies.comparison.matching import count_parameters, match_units
from keras_charrnn.studies.comparison.results import CellResult, Comparison, Trial
from keras_charrnn.studies.comparison.writing import to_rich, write_plots, write_tables
from keras_charrnn.text import corpora
from keras_charrnn.text.vocabulary import Vocabulary
from keras_charrnn.training import fit, read_recipe, versions
from keras_charrnn.training.requirements import note_of_prefix, require_validation

MATCHES = ("parameters", "units")


def compare(source, cells, match="parameters", parameters=None, seeds=1, overrides=None, output=None, console=None):
    """Train each of some cells under one recipe, and write a table, plots and every run into one folder.

    A cell that fails, because it refuses its arguments, diverges or raises, is a row that says why; the others go on.

    Args:
        source: Path of a recipe, a mapping, or a `Recipe`.
        cells: Of each cell its name, or a mapping of "name" and arguments of its constructor, as in a recipe. The
            recipe's own cell, by its name alone, keeps the arguments that the recipe gives it.
        match: "parameters": each model has the units at which its parameters, with embedding and head, are nearest to
            those of the recipe's own cell and units. "units": all have the recipe's units.
        parameters: A number of parameters to match, in place of the recipe's own.
        seeds: How many; the first is the recipe's `compute.seed`, the next ones follow it.
        overrides: {"training.epochs": 1, ...}, laid over the recipe.
        output: The folder to make, new or empty; None for runs/NAME-compare-001, or the next number.
        console: A `rich.console.Console` for what is shown; None for standard output.

    Returns:
        A `Comparison`. Its folder has comparison.csv (the table), comparison.json (with each seed's figures, the
        recipe, the machine and the versions), comparison.md, with Matplotlib loss_by_seconds.png and
        loss_by_characters.png, and the folder of each run, which is what `fit` would have made of the same overrides.

    Raises:
        CharRNNError: If the recipe, its text or the machine do not allow any run, or a cell's name is unknown; nothing
            has been written then.
        SettingsError: If `match`, `parameters`, `seeds` or `output` is out of its range.
        WriteError: If a file cannot be written.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP; what was done until then is written.
    """
    _check(match, parameters, seeds)
    plan = read_recipe(source, overrides)
    require_validation(plan, "compare")
    results = _read_cells(cells, plan)
    console = console or Screen(lasting=True)
    machine = compute.prepare(plan.compute.precision, plan.compute.replicas, plan.windows.batch_size)
    text = corpora.load(**vars(plan.corpus))
    vocabulary = Vocabulary.of_counts(text.symbols, text.counts, **vars(plan.vocabulary))
    note = note_of_prefix(plan.samples.beginning, vocabulary)
    if match == "parameters" and parameters is None:
        parameters = count_parameters(plan.model, vocabulary)
    facts = {
        "recipe": plan.to_mapping(),
        "match": match,
        "parameters": parameters,
        "seeds": [plan.compute.seed + index for index in range(seeds)],
        "corpus": text.describe(),
        "machine": dataclasses.asdict(machine),
        "versions": versions(),
    }
    comparison = Comparison(make_output(output, f"{plan.name}-compare"), facts, results)
    lines = [f"corpus   {text.name}: {text.characters:,} characters", f"compute  {machine.describe()}"]
    lines += [f"folder   {quote(comparison.folder)}"]
    say(console, "\n".join(lines))
    say_notes(console, *text.notes, note, *machine.notes)
    try:
        with GrowingTable(console, lambda: to_rich(comparison)) as screen:
            for result in results:
                _train_cell(result, plan, vocabulary, comparison, screen)
    finally:  # of Ctrl-C too
        _conclude(comparison, console)
    return comparison


def _check(match, parameters, seeds):
    if match not in MATCHES:
        raise SettingsError(f"match must be {' or '.join(MATCHES)}; received {match!r}")
    for name, value in {"parameters": 1 if parameters is None else parameters, "seeds": seeds}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SettingsError(f"{name} must be a whole number of 1 or more; received {value!r}")
    if match == "units" and parameters is not None:
        raise SettingsError("parameters cannot be matched along with units; leave out one of the two")


def _read_cells(cells, plan):
    """Return a `CellResult` without figures for each cell that is asked for."""
    problems, asked = [], []
    for index, each in enumerate(cells):
        cell = CELL(each, f"cells[{index}]", problems)
        if cell is not None and cell["name"] not in registry.cells:
            problems.append(f"cells[{index}]: {registry.cells.unknown(cell['name'])}")
        if cell is not None:
            label = ", ".join([cell["name"], *(f"{name}: {value}" for name, value in cell.items() if name != "name")])
            own = each == plan.model.cell["name"]
            asked.append(CellResult(label, dict(plan.model.cell) if own else cell))
    if not asked and not problems:
        problems.append("cells: must be one or more cells, as in gru, lstm")
    labels = [each.cell for each in asked]
    problems += [f"cells: {label} is there twice" for label in dict.fromkeys(labels) if labels.count(label) > 1]
    if problems:
        raise RecipeError(problems, "compare")
    return asked


def _train_cell(result, plan, vocabulary, comparison, screen):
    """Find the units of a cell, and train it for each seed; what fails is noted."""
    settings, facts = dataclasses.replace(plan.model, cell=result.arguments), comparison.facts
    try:
        units = settings.units
        if facts["match"] == "parameters":
            units = match_units(settings, vocabulary, facts["parameters"])
        result.parameters = count_parameters(dataclasses.replace(settings, units=units), vocabulary)
        result.units = units
    except Exception as error:
        result.error = in_words(error)
        screen.ended(result.newest())
        write_tables(comparison)
        return
    for seed in facts["seeds"]:
        result.trials.append(_train(result, seed, plan, comparison.folder, screen))
        screen.ended(result.newest())
        write_tables(comparison)


def _train(result, seed, plan, folder, screen):
    """Return the trial of a cell and a seed."""
    step = plan.windows.batch_size * plan.windows.length

    def tell(state):
        screen.tell(f"training {result.cell}, seed {seed}: {state}")

    tell("compiling")
    clock = Clock(step, tell)
    overrides = {"model.cell": result.arguments, "model.units": result.units, "compute.seed": seed}
    try:
        run = fit(plan, overrides, folder, result.arguments["name"], callbacks=[clock], console=Screen(quiet=True))
    except WriteError:  # it would hit the others too
        raise
    except Exception as error:
        return Trial(seed, error=in_words(error))
    finally:
        gc.collect()  # a model and its compiled functions refer to one another; clear_session frees no more
    best = min((row for row in run.history if math.isfinite(row["val_loss"])), key=_loss, default=None)
    if best is None:
        return Trial(seed, run=run.folder.name, error="the validation loss is no number after any epoch")
    name, rows = choosing(run.history, run.progress)
    curve = [[row["seconds"], row["step"] * step, row[name]] for row in rows if math.isfinite(row[name])]
    return Trial(seed, best["val_loss"], best["epoch"], clock.speeds, curve, run.folder.name)


def _loss(row):
    return row["val_loss"]


def _conclude(comparison, console):
    """Write the files, and say where they are."""
    write_tables(comparison)
    lines = [comparison.describe()]
    if not comparison.complete:
        lines.append("Not complete: what was done until now is written.")
    try:
        pictures = [path.name for path in write_plots(comparison)]
    except ExtraError as error:
        pictures = []
        lines.append(str(error))
    names = ["comparison.csv", "comparison.json", "comparison.md", *pictures]
    lines.append(f"in {quote(comparison.folder)}: {', '.join(names)}, and each run")
    say(console, "\n".join(lines))
