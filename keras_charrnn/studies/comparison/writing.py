"""A comparison as a table for the screen and for a page, and as files."""

import csv
import dataclasses
import io
import json

import rich.box
import rich.console
import rich.table

from keras_charrnn.common.files import write_bytes, write_text
from keras_charrnn.common.screen import cell
from keras_charrnn.engine import compute
from keras_charrnn.studies.comparison.plots import draw_plots

# Column: its title and how a number is written.
COLUMNS = {
    "cell": ("cell", "{}"),
    "units": ("units", "{:,}"),
    "parameters": ("parameters", "{:,}"),
    "characters_per_second": ("chars/s", "{:,}"),
    "nats_per_character": ("nats", "{:.4f}"),
    "bits_per_character": ("bits", "{:.4f}"),
    "spread": ("spread", "{:.4f}"),
}


def write_tables(comparison):
    """Write comparison.csv, comparison.json and comparison.md into the comparison's folder.

    Raises:
        WriteError: If one cannot be written.
    """
    rows = [each.row() for each in comparison.cells]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    cells = [
        {**row, "arguments": each.arguments, "trials": [dataclasses.asdict(trial) for trial in each.trials]}
        for row, each in zip(rows, comparison.cells, strict=True)
    ]
    document = {**comparison.facts, "complete": comparison.complete, "cells": cells}
    write_text(comparison.folder / "comparison.csv", text.getvalue())
    write_text(comparison.folder / "comparison.json", json.dumps(document, indent=2) + "\n")
    write_text(comparison.folder / "comparison.md", to_markdown(comparison))


def write_plots(comparison):
    """Write the plots into the comparison's folder; return their paths, none where nothing was trained.

    Raises:
        ExtraError: If Matplotlib is not installed.
        WriteError: If one cannot be written.
    """
    pictures = {comparison.folder / f"{name}.png": data for name, data in draw_plots(comparison).items()}
    for path, data in pictures.items():
        write_bytes(path, data)
    return list(pictures)


def to_markdown(comparison):
    """Return the table in Markdown, with a paragraph on what it is."""
    titles, rows = _table(comparison)
    facts = comparison.facts
    return "\n\n".join([markdown_table(titles, rows, ("cell", "note")), origin(facts), comparison.describe()]) + "\n"


def markdown_table(titles, rows, left):
    """Return a table in Markdown.

    Args:
        titles: Of the columns.
        rows: Lists of strings.
        left: Titles of the columns that are aligned to the left; the others are of numbers.
    """
    rules = ["---" if title in left else "---:" for title in titles]
    escaped = ([each.replace("|", "\\|").replace("\n", " ") for each in row] for row in (titles, rules, *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


def to_rich(comparison):
    """Return the table for a terminal, with a line below it for each cell that failed."""
    _, rows = _table(comparison)
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="left" if title == "cell" else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row[: len(COLUMNS)]))
    failures = [f"{each.cell} failed: {each.failure}" for each in comparison.cells if each.failure]
    return rich.console.Group(table, *(cell(line) for line in failures))


def _table(comparison):
    """Return titles, and rows of strings; what failed has a note, in a column of its own."""
    rows = []
    for each in comparison.cells:
        row = each.row()
        row = [form.format(row[name]) if row[name] is not None else "" for name, (_, form) in COLUMNS.items()]
        rows.append([*row, each.failure and f"failed: {each.failure}"])
    titles = [title for title, _ in COLUMNS.values()]
    if comparison.failed:
        return [*titles, "note"], rows
    return titles, [row[:-1] for row in rows]


def origin(facts):
    """Return in a sentence or two the recipe, text, machine and versions that figures are from."""
    machine, corpus, versions = compute.Machine(**facts["machine"]), facts["corpus"], facts["versions"]
    return (
        f"Recipe {facts['recipe']['name']}, {corpus['name']}, epochs: {facts['recipe']['training']['epochs']}. "
        f"{machine.hardware}, {machine.precision} products, replicas: {machine.replicas}, "
        f"TensorFlow {versions['tensorflow']}, Keras {versions['keras']}."
    )
