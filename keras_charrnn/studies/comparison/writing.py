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

# Column of a figure: its title and how a number is written.
FIGURES = {
    "units": ("units", "{:,}"),
    "parameters": ("parameters", "{:,}"),
    "characters_per_second": ("chars/s", "{:,}"),
    "nats_per_character": ("nats", "{:.4f}"),
    "bits_per_character": ("bits", "{:.4f}"),
    "spread": ("spread", "{:.4f}"),
    "seconds": ("seconds", "{:,.1f}"),
}


def write_tables(comparison):
    """Write comparison.csv, comparison.json and comparison.md into the comparison's folder.

    Raises:
        WriteError: If one cannot be written.
    """
    rows = [each.row() for each in comparison.variants]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    variants = [
        {**row, "overrides": each.overrides, "trials": [dataclasses.asdict(trial) for trial in each.trials]}
        for row, each in zip(rows, comparison.variants, strict=True)
    ]
    document = {**comparison.facts, "complete": comparison.complete, "variants": variants}
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
    words = [*titles[: len(comparison.facts["varies"])], "note"]
    if comparison.failed:
        titles = [*titles, "note"]
        notes = [each.failure and f"failed: {each.failure}" for each in comparison.variants]
        rows = [[*row, note] for row, note in zip(rows, notes, strict=True)]
    return "\n\n".join([markdown_table(titles, rows, words), origin(comparison.facts), comparison.describe()]) + "\n"


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
    """Return the table for a terminal of 80 columns, with a line below it for each variant that failed."""
    facts = comparison.facts
    count, hidden = len(facts["varies"]), set()
    if count > 1:  # room for words: bits follow from nats, and what is matched is about the same for all
        hidden |= {"bits_per_character", facts["match"]}
    if len(facts["seeds"]) == 1:
        hidden.add("spread")
    titles, rows = _table(comparison, hidden)
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, padding=0)
    for index, title in enumerate(titles):
        if index < count:
            table.add_column(title, overflow="fold")
        else:
            table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(cell, row[:count]), *row[count:])
    failures = [f"{each.name} failed: {each.failure}" for each in comparison.variants if each.failure]
    return rich.console.Group(table, *(cell(line) for line in failures))


def _table(comparison, hidden=()):
    """Return titles, and rows of strings: what varies, the rate where several were tried, and figures."""
    facts, varies = comparison.facts, list(comparison.variants[0].varies)
    given = ["units"] if "model.units" in varies else []
    figures = {name: each for name, each in FIGURES.items() if name not in hidden and name not in given}
    rates = ["rate"] if facts["rates"] else []
    titles = [*rates, *(title for title, _ in figures.values())]
    short = [each.rpartition(".")[2] for each in varies]
    titles = [
        end if [*short, *titles].count(end) == 1 else path for path, end in zip(varies, short, strict=True)
    ] + titles
    rows = []
    for each in comparison.variants:
        row = each.row()
        rate = [_rate(each) for _ in rates]
        numbers = [form.format(row[name]) if row[name] is not None else "" for name, (_, form) in figures.items()]
        rows.append([*each.varies.values(), *rate, *numbers])
    return titles, rows


def _rate(variant):
    return "" if variant.rate is None else f"{variant.rate:g}{'*' if variant.is_rate_at_edge else ''}"


def origin(facts):
    """Return in a sentence or two the recipe, text, machine and versions that figures are from."""
    machine, corpus, versions = compute.Machine(**facts["machine"]), facts["corpus"], facts["versions"]
    training = facts["recipe"]["training"]
    minutes = "" if training["minutes"] is None else f", minutes: {training['minutes']:g}"
    return (
        f"Recipe {facts['recipe']['name']}, {corpus['name']}, epochs: {training['epochs']}{minutes}. "
        f"{machine.hardware}, {machine.precision} products, replicas: {machine.replicas}, "
        f"TensorFlow {versions['tensorflow']}, Keras {versions['keras']}."
    )
