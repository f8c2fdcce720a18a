"""compare: cells, optimizers and other keys trained under one recipe, one after another, and what each came to."""

import dataclasses
import functools
import json
import math

from keras_charrnn.common.files import clean_name, make_output
from keras_charrnn.common.screen import Screen, say, say_notes
from keras_charrnn.common.shell import quote
from keras_charrnn.engine import compute
from keras_charrnn.errors import ExtraError, SettingsError, in_words
from keras_charrnn.recipe.checks import several
from keras_charrnn.recipe.sections import ABOVE_0
from keras_charrnn.studies.comparison.axes import make_variants, read_axes
from keras_charrnn.studies.comparison.growing import GrowingTable
from keras_charrnn.studies.comparison.matching import count_parameters, match_units, units_of, with_units
from keras_charrnn.studies.comparison.results import Comparison, Trial
from keras_charrnn.studies.comparison.training import train_one
from keras_charrnn.studies.comparison.writing import to_rich, write_plots, write_tables
from keras_charrnn.studies.jobs import make_jobs
from keras_charrnn.training import read_recipe, versions
from keras_charrnn.training.data import read_text, vocabulary_of
from keras_charrnn.training.requirements import note_of_prefix, require_validation
from keras_charrnn.training.starting import Beginning

MATCHES = ("parameters", "units")
FACTORS = several(ABOVE_0, "numbers")


def compare(
    source,
    cells=(),
    match="parameters",
    parameters=None,
    seeds=1,
    overrides=None,
    output=None,
    console=None,
    optimizers=(),
    grid=None,
    rates=(),
    confirm=None,
    vocabularies=(),
    jobs=1,
):
    """Train each combination of some cells, optimizers and values of other keys under one recipe, and write a table.

    With it go plots and every run, into one folder. A combination that fails, because a cell refuses its arguments, or
    it diverges or raises, is a row that says why; the others go on.

    Args:
        source: Path of a recipe, a mapping, or a `Recipe`.
        cells: Of each cell its name, or a mapping of "name" and arguments of its constructor, as in a recipe. The
            recipe's own cell, by its name alone, keeps the arguments that the recipe gives it.
        match: "parameters": each model has the units at which its parameters, with embedding and head and without the
            tables of n-grams, are nearest to those of the recipe's own cell and units. "units": all have the recipe's
            units. Where the grid has "model.units", each has those.
        parameters: A number of parameters to match, in place of the recipe's own.
        seeds: How many; the first is the recipe's `compute.seed`, the next ones follow it.
        overrides: {"training.epochs": 1, ...}, laid over the recipe.
        output: The folder to make, new or empty; None for runs/NAME-compare-001, or the next number.
        console: A `rich.console.Console` for what is shown; None for standard output.
        optimizers: Of each its name, or a mapping of "name" and arguments, as in a recipe. The recipe's own, by its
            name alone, keeps its arguments.
        grid: {"windows.length": [64, 128], ...}: other keys of the recipe, within windows, model, training and states,
            and the values of each.
        rates: Factors of the learning rate, two or more: each combination is tried with its optimizer's learning rate
            times each of them, with the first seed; the one with the least validation loss has the other seeds too.
        vocabularies: Of each the name of its unit of text, or a mapping of "name" and arguments, as in a recipe. All
            models have the same units then, as with "model.units" in the grid, and the losses are per character.
        jobs: How many trainings go on side by side, each in a process of its own on its share of the cores, or a GPU;
            their speeds are those of a share. Cells must be the package's then, or in plugins.
        confirm: Called with the number of trainings when all mistakes are found and before anything is written; may
            raise to have none of it done.

    Returns:
        A `Comparison`. Its folder has comparison.csv (the table), comparison.json (with each training's figures, the
        recipe, the machine and the versions), comparison.md, with Matplotlib loss_by_seconds.png and
        loss_by_characters.png, and the folder of each run, which is what `fit` would have made of the same overrides.

    Raises:
        CharRNNError: If the recipe, its text or the machine do not allow any run, or a cell's name is unknown; nothing
            has been written then.
        RecipeError: If nothing varies, or a key or a value of it cannot; the message lists every problem.
        SettingsError: If `match`, `parameters`, `seeds`, `rates` or `output` is out of its range.
        WriteError: If a file cannot be written.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP; what was done until then is written.
    """
    _check(match, parameters, seeds, rates)
    jobs = make_jobs(jobs, train_one)
    plan = read_recipe(source, overrides)
    require_validation(plan, "compare")
    axes = read_axes(plan, overrides or {}, cells, optimizers, vocabularies, {} if grid is None else grid)
    varies = {axis.path: axis.values for axis in axes}
    unmatched = next((path for path in ("model.units", "vocabulary.unit") if path in varies), None)
    if unmatched is not None:
        match = "units"
        if parameters is not None:
            raise SettingsError(f"parameters cannot be matched where {unmatched} varies; leave out one of the two")
    rows = math.prod(map(len, varies.values()))
    trainings = rows * (len(rates) + seeds - 1 if rates else seeds)
    if confirm is not None:
        confirm(trainings)
    console = console or Screen(lasting=True)
    machine = compute.prepare(plan.compute.precision, plan.compute.replicas, plan.windows.batch_size)
    text, beginning = read_text(plan, console), Beginning.of(plan)
    known = None if beginning is None else beginning.model.vocabulary
    find_vocabulary = functools.cache(lambda unit: vocabulary_of(text, _with_unit(plan, unit), known))
    vocabulary = find_vocabulary(json.dumps(plan.vocabulary.unit))
    note = note_of_prefix(plan.samples.beginning, vocabulary)
    if match == "parameters" and parameters is None:
        parameters = count_parameters(plan.model, vocabulary)
    facts = {
        "recipe": plan.to_mapping(),
        "varies": varies,
        "match": match,
        "parameters": parameters,
        "rates": sorted(map(float, rates)),
        "seeds": [plan.compute.seed + index for index in range(seeds)],
        "corpus": text.describe(),
        "machine": dataclasses.asdict(machine),
        "versions": versions(),
    }
    comparison = Comparison(make_output(output, f"{plan.name}-compare"), facts, make_variants(axes))
    tried = f", learning rates of each: {len(rates)}" if rates else ""
    lines = [f"study    trainings: {trainings:,}, of rows: {rows:,}{tried}, seeds: {seeds}"]
    lines += [f"corpus   {text.name}: {text.characters:,} characters", f"compute  {machine.describe()}"]
    lines += [f"folder   {quote(comparison.folder)}"]
    say(console, "\n".join(lines))
    unmatched = f"{unmatched} varies, so that parameters are not matched" if unmatched else ""
    say_notes(console, *text.notes, note, *machine.notes, unmatched)
    try:
        with GrowingTable(console, lambda: to_rich(comparison)) as screen, jobs:
            jobs.map(
                lambda variant: _train_variant(variant, plan, find_vocabulary, comparison, screen, jobs),
                comparison.variants,
            )
    finally:  # of Ctrl-C too
        _conclude(comparison, console)
    return comparison


def _check(match, parameters, seeds, rates):
    if match not in MATCHES:
        raise SettingsError(f"match must be {' or '.join(MATCHES)}; received {match!r}")
    for name, value in {"parameters": 1 if parameters is None else parameters, "seeds": seeds}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SettingsError(f"{name} must be a whole number of 1 or more; received {value!r}")
    if match == "units" and parameters is not None:
        raise SettingsError("parameters cannot be matched along with units; leave out one of the two")
    factors = FACTORS(rates, "rates", [])
    if factors is None or len(factors) == 1 or len(set(factors)) < len(factors):
        raise SettingsError(f"rates must be two or more different numbers above 0, as in 0.5, 1, 2; received {rates!r}")


def _with_unit(plan, unit):
    """Return a recipe with another unit of its vocabulary, which is JSON."""
    return dataclasses.replace(plan, vocabulary=dataclasses.replace(plan.vocabulary, unit=json.loads(unit)))


def _train_variant(variant, plan, find_vocabulary, comparison, screen, jobs):
    """Find the units of a variant and its learning rate, and train it for each seed; what fails is noted."""
    facts, asked_for = comparison.facts, []

    def train(asked):
        seed, rate = asked
        order = {
            "recipe": plan.to_mapping() if jobs.count > 1 else plan,
            "overrides": {**units_of(variant.units, plan.model), "compute.seed": seed},
            "rate": rate,
            "folder": str(comparison.folder),
            "name": clean_name(variant.name),
        }

        def tell(state):
            with jobs.lock:
                screen.tell(f"training {variant.name}, seed {seed}: {state}")

        trial = Trial(seed, rate, **jobs.do(order, tell))
        with jobs.lock:
            variant.trials.append(trial)
            screen.ended(variant.newest())
            order = [*asked_for]  # in which they were asked for, whichever has ended first
            variant.trials.sort(key=lambda each: order.index((each.seed, each.rate)))
            write_tables(comparison)

    def train_all(asked):
        asked_for.extend(asked)
        jobs.map(train, asked)

    try:
        with jobs.lock:
            plan = read_recipe(plan, variant.overrides)
            units, vocabulary = plan.model.units, find_vocabulary(json.dumps(plan.vocabulary.unit))
            if facts["match"] == "parameters":
                units = match_units(plan.model, vocabulary, facts["parameters"])
            variant.parameters = count_parameters(with_units(plan.model, units), vocabulary)
            variant.units = units
    except Exception as error:
        with jobs.lock:
            variant.error = in_words(error)
            screen.ended(variant.newest())
            write_tables(comparison)
        return
    first, *others = facts["seeds"]
    if facts["rates"]:
        own = plan.training.optimizer["learning_rate"]
        train_all([(first, float(f"{factor * own:.12g}")) for factor in facts["rates"]])  # 0.006, not 0.00600…01
        with jobs.lock:
            variant.choose_rate()
            write_tables(comparison)
    else:
        others = [first, *others]
    if not variant.error:
        train_all([(seed, variant.rate) for seed in others])


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
