"""An inspection in the terminal.

Shapes in letters: T characters, K guesses.
"""

import rich.box
import rich.cells
import rich.table
import rich.text

from keras_charrnn.common.screen import say
from keras_charrnn.views.inspection.causes import FARTHEST
from keras_charrnn.views.inspection.levels import ACTIVITY, SURPRISE, activity_levels, surprise_levels
from keras_charrnn.views.pages import visible

SHOWN = 480  # characters that are shown; the figures are of all
BLOCKS = " ▁▂▃▄▅▆▇█"
DISTANCES = (1, 2, 4, 8, 16, 32, 64)


def show(inspection, console):
    """Print an inspection: the text with surprise, guesses and activity below each character, then the tables.

    Heights of blocks say what colours say, so that nothing is lost where there are none.

    Args:
        inspection: An `Inspection`.
        console: A `rich.console.Console`.
    """
    score, trace = inspection.score, inspection.trace
    shown = min(SHOWN, len(trace.text))
    figures = f"{score.bits_per_character:.3f} bits each, perplexity {score.perplexity:.2f}"
    say(console, f"{score.characters:,} predicted characters: {figures}")
    part = f"the first {shown} of {len(trace.text):,} characters" if shown < len(trace.text) else "the text"
    say(console, f"Below, {part}: surprise (a full block is {SURPRISE} bits), the likeliest symbols, units\n")
    rows = _rows(inspection, shown)
    margin = max(len(label) for label, _, _ in rows) + 1
    column = max(rich.cells.cell_len(cell) for _, cells, _ in rows for cell in cells)
    for line in _lines(trace.text[:shown], max(1, (console.width - margin) // column)):
        for label, cells, styles in rows:
            text = rich.text.Text(label.ljust(margin), style="dim")
            for index in line:
                text.append(cells[index] + " " * (column - rich.cells.cell_len(cells[index])), styles[index])
            console.print(text, soft_wrap=True)
        console.print()
    _show_units(inspection, console)
    _show_flow(inspection.flow, console)
    _show_causes(inspection, console)


def _rows(inspection, shown):
    """Return rows to print below one another: label, cells and styles, one for each character that is shown."""
    trace = inspection.trace
    surprise = surprise_levels(trace.nats[:shown])
    reds = [f"on rgb({90 + 20 * level},40,20)" if level > 1 else "" for level in range(SURPRISE + 1)]
    rows = [
        ("text", [_glyph(each) for each in trace.text[:shown]], [f"bold {reds[level]}" for level in surprise]),
        ("bits", [BLOCKS[level] for level in surprise], ["red"] * shown),
    ]
    for rank in range(trace.guesses.shape[1]):
        cells = [_glyph(trace.symbols[each]) for each in trace.guesses[:shown, rank]]
        hits = trace.guesses[:shown, rank] == trace.ids[:shown]
        rows.append((str(rank + 1), [" ", *cells[1:]], ["green" if hit else "dim" for hit in hits]))
    for unit in inspection.units:
        levels = activity_levels(trace.activity(unit))[:shown]
        # From the lowest to the highest of nine heights: the middle one is 0.
        cells = [BLOCKS[level + ACTIVITY] for level in levels]
        rows.append((str(unit), cells, ["blue" if level < 0 else "yellow" for level in levels]))
    return rows


def _lines(text, width):
    """Return ranges of the places of at most `width` symbols each; one that ends a line ends one."""
    begin = 0
    for place, symbol in enumerate(text, start=1):
        if place - begin == width or symbol.splitlines() != [symbol] or place == len(text):
            yield range(begin, place)
            begin = place


def _glyph(symbol):
    """Return a symbol as glyphs, one for each character, that take one or two cells."""
    glyphs = map(visible, symbol)
    return "".join(glyph if len(glyph) == 1 and rich.cells.cell_len(glyph) else "◌" for glyph in glyphs)


def _show_units(inspection, console):
    table = rich.table.Table("property", "unit", "correlation", box=rich.box.SIMPLE_HEAD, title_justify="left")
    for name, ranked in inspection.found.items():
        for unit, correlation in ranked:
            table.add_row(name, str(unit), f"{correlation:+.3f}")
        if not ranked:
            table.add_row(name, "", "the same throughout")
    say(console, f"The units, of {inspection.candidates:,}, that follow a property of the text best:")
    console.print(table)


def _show_causes(inspection, console):
    shares = inspection.causes / max(float(inspection.causes.max()), 1e-30)
    text, shares = inspection.trace.text[-FARTHEST:], shares[-FARTHEST:]
    cells = [[_glyph(each) for each in text], [BLOCKS[round(8 * float(each))] for each in shares]]
    column = max(map(rich.cells.cell_len, cells[0]))
    say(console, "How much the guess after the text depends on each symbol before it, as a share of the largest:\n")
    for line in _lines(text, max(1, console.width // column)):
        for row, style in zip(cells, ("bold", "red"), strict=True):
            padded = (row[index] + " " * (column - rich.cells.cell_len(row[index])) for index in line)
            console.print(rich.text.Text("".join(padded), style), soft_wrap=True)
        console.print()


def _show_flow(flow, console):
    table = rich.table.Table("steps", *(f"layer {n}" for n in range(1, flow.shape[1] + 1)), box=rich.box.SIMPLE_HEAD)
    for distance in (each for each in DISTANCES if each <= len(flow)):
        table.add_row(str(distance), *(f"{norm:.3g}" for norm in flow[distance - 1]))
    say(console, "The norm of the gradient of a character's loss by the states so many steps before it:")
    console.print(table)
