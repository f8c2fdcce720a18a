"""Self-contained HTML pages, for the report and the inspection: nothing in them asks a network for anything."""

import html
import re

_UNPRINTABLE = re.compile(r"[^\t\n -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what HTML does not allow
_GLYPHS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍", "\xa0": "⍽"}

# The policy refuses every request, should a text ever find a way to make one.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --line: #dcdfe5; --ink: #1c1f24; --soft: #59606b;
  --train: #c2570c; --validation: #2158c4; --other: #0d7a6c; --warm: 234, 88, 12; --cool: 37, 99, 235;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --panel: #1d2025; --line: #343941; --ink: #e7e9ed; --soft: #a1a8b3;
    --train: #f59e5b; --validation: #82aaf5; --other: #4fc7b5; --warm: 205, 80, 20; --cool: 45, 95, 205;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 3rem) 6rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2 { letter-spacing: -.015em; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.15; }
h2 { margin: 3rem 0 .9rem; padding-top: 1.4rem; border-top: 1px solid var(--line); font-size: 1.3rem; }
p { margin: .5rem 0; max-width: 44rem; }
.soft, figcaption { color: var(--soft); }
code, pre, .text { font-family: var(--mono); }
pre, .text { margin: 0; font-size: .84rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { padding: .9rem 1rem; background: var(--panel); border-radius: .5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1rem 1.5rem; }
.facts { margin: 1.6rem 0; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.3rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
.facts small { display: block; color: var(--soft); font-size: .85rem; font-weight: 400; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr)); gap: 1.5rem 2rem; }
.grid > * { min-width: 0; }
.scroll + .grid { margin-top: 1.5rem; }
figure { margin: 0; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
figure svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif !important; }
figcaption { margin-bottom: .3rem; font-size: .9rem; }
figcaption b { color: var(--ink); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td { overflow-wrap: anywhere; }
.numbers td { white-space: nowrap; }
.numbers td:not(:first-child), .numbers th:not(:first-child) { text-align: right; }
td.bar { width: 100%; min-width: 5rem; padding-right: 0; }
td.bar i { display: block; height: .8em; margin-top: .35em; border-radius: 2px; background: var(--validation); }
details { margin: .9rem 0; }
summary { cursor: pointer; }
summary + * { margin-top: .8rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def page(title, body, style=""):
    """Return a whole HTML page.

    Args:
        title: Plain text.
        body: HTML.
        style: CSS besides the common one.
    """
    return _PAGE.format(title=escape(title), style=_STYLE + style, body=body)


def escape(value):
    """Return any text as HTML that shows it; what HTML cannot hold is shown as U+FFFD."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def visible(symbol):
    """Return a symbol as one can see it: a glyph for a blank, the code point for what has no shape."""
    if len(symbol) > 1:
        return "".join(map(visible, symbol))
    return _GLYPHS.get(symbol) or (symbol if symbol.isprintable() else f"U+{ord(symbol):04X}")


def facts(rows):
    """Return the list of a page's chief figures: rows of (name, figure, further words), plain text."""
    items = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(figure)}<small>{escape(more)}</small></dd></div>"
        for name, figure, more in rows
    )
    return f'<dl class="facts">{"".join(items)}</dl>'


def table(head, rows, numbers=True):
    """Return a table.

    Args:
        head: Titles of the columns, plain text; () for none.
        rows: Lists of cells: plain text, or a `Bar`.
        numbers: Whether all columns but the first are numbers.
    """
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = [f"<thead><tr>{titles}</tr></thead>"] if head else []
    lines.append("<tbody>")
    for row in rows:
        cells = (each.to_html() if isinstance(each, Bar) else f"<td>{escape(each)}</td>" for each in row)
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = ' class="numbers"' if numbers else ""
    return f'<div class="scroll"><table{kind}>{"".join(lines)}</tbody></table></div>'


class Bar:
    """A cell of a table that is a bar.

    Args:
        share: Of the column's width, from 0 to 1.
    """

    def __init__(self, share):
        self.share = min(1.0, max(0.0, share))

    def to_html(self):
        return f'<td class="bar"><i style="width:{self.share:.1%}"></i></td>'
