"""A search as a table for the screen and for a page, and as files."""

import csv
import io
import json

import rich.box
import rich.console
import rich.table

from keras_charrnn import recipe
from keras_charrnn.common.files import write_text
from keras_charrnn.common.screen import cell
from keras_charrnn.common.shell import command
from keras_charrnn.studies.comparison.axes import in_a_table
from keras_charrnn.studies.comparison.writing import markdown_table, origin
from keras_charrnn.studies.tuning.results import FILE

BEST = "best.yaml"


def write_search(search, plan):
    """Write tune.json, tune.csv, tune.md and, where there is a best trial, best.yaml into the search's folder.

    Args:
        search: A `Search`.
        plan: Its `Recipe`.

    Raises:
        WriteError: If one cannot be written.
    """
    write_text(search.folder / FILE, json.dumps(search.to_mapping(), indent=2) + "\n")
    rows = [each.row() for each in search.trials]
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(search.folder / "tune.csv", text.getvalue())
    titles, lines = _table(search)
    table = markdown_table(
        [*titles, "note"],
        [[*line, each.error] for line, each in zip(lines, search.trials, strict=True)],
        (*plan.tune, "state", "note"),
    )
    write_text(search.folder / "tune.md", "\n\n".join([table, origin(search.facts), search.describe()]) + "\n")
    if search.best is not None:
        write_text(search.folder / BEST, best_recipe(search, plan))


def best_recipe(search, plan):
    """Return the recipe with the values of the best trial, without the section `tune`, as a YAML file."""
    best = search.best
    found = recipe.read(plan, {**best.values, "tune": None})
    return (
        f"# The best of {len(search.trials)} trials: {best.nats_per_character:.4f} nats per character in validation, "
        f"with {words_of(best)}.\n#\n#     {command('train', search.folder / BEST)}\n{found.to_yaml(without=('tune',))}"
    )


def to_rich(search):
    """Return the table for a terminal, with a line below it for each trial that failed."""
    titles, rows = _table(search)
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for title in titles:
        table.add_column(title, justify="left" if title == "state" else "right", overflow="fold")
    for row, each in zip(rows, search.trials, strict=True):
        table.add_row(*map(cell, row), style="bold" if each is search.best else None)
    failures = [f"trial {each.number} failed: {each.error}" for each in search.trials if each.error]
    return rich.console.Group(table, *(cell(line) for line in failures))


def words_of(trial):
    """Return the values of a trial in a line."""
    return ", ".join(f"{path} {in_a_table(value)}" for path, value in trial.values.items())


def newest(trial):
    """Return in a line what a trial came to."""
    words = [f"trial {trial.number}", words_of(trial)]
    if trial.error:
        words.append(f"failed: {trial.error}")
    else:
        nats = trial.nats_per_character
        loss = "no number" if nats is None else f"{nats:.4f} nats"
        words.append(f"validation {loss}, epochs: {len(trial.losses)}, {trial.state}")
    return "  ".join(words)


def _table(search):
    """Return titles, and rows of strings."""
    paths = list(search.facts["recipe"]["tune"])
    rows = []
    for each in search.trials:
        nats = each.nats_per_character
        state = f"{each.state}, best" if each is search.best else each.state
        values = [in_a_table(each.values[path]) for path in paths]
        rows.append([str(each.number), *values, str(len(each.losses)), "" if nats is None else f"{nats:.4f}", state])
    return ["trial", *paths, "epochs", "nats", "state"], rows
