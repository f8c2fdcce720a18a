"""An inspection as a page.

Shapes in letters: T characters, K guesses, L layers.
"""

import itertools
import json
import math

from keras_charrnn.model.evaluation import bits
from keras_charrnn.views import pages
from keras_charrnn.views.inspection.levels import ACTIVITY, SURPRISE, activity_levels, surprise_levels
from keras_charrnn.views.pages import escape, visible

DECADES = 4  # of the scale of gradient norms

_STYLE = f"""
.text {{ font-size: .95rem; line-height: 1.75; }}
.text i {{ font-style: normal; border-radius: 2px; }}
.text u {{ text-decoration: none; opacity: .35; }}
.text:focus-visible {{ outline: 2px solid var(--validation); outline-offset: .4rem; }}
.surprise i {{ cursor: pointer; }}
.surprise i.chosen, .surprise i:hover {{ outline: 2px solid var(--ink); }}
.scale {{ display: flex; flex-wrap: wrap; gap: .15rem; align-items: center; margin: .5rem 0 1rem; font-size: .85rem; }}
.scale i {{ width: 2.1rem; text-align: center; font-style: normal; border-radius: 2px; }}
#guesses {{
  position: sticky; bottom: 0; display: flex; flex-wrap: wrap; gap: .15rem 1.4rem; align-items: baseline;
  min-height: 3.4rem; margin-top: 1rem; padding: .6rem 0; background: var(--paper); border-top: 1px solid var(--line);
  font-size: .9rem; font-variant-numeric: tabular-nums;
}}
#guesses code {{ padding: .05rem .35rem; background: var(--panel); border-radius: .25rem; font-size: 1rem; }}
#guesses .hit code {{ background: rgba(var(--cool), .3); }}
.units figure {{ margin-bottom: 2rem; }}
.columns {{
  display: flex; gap: 1px; align-items: flex-end; height: 11rem; border-bottom: 1px solid var(--line);
  background: repeating-linear-gradient(var(--line) 0 1px, transparent 1px {100 / DECADES}%);
}}
.columns i {{ flex: 1; min-width: 0; background: var(--validation); border-radius: 1px 1px 0 0; }}
.axis {{ display: flex; justify-content: space-between; color: var(--soft); font-size: .85rem; }}
@media print {{ #guesses {{ display: none; }} }}
""" + "\n".join(
    [
        f".s{level} {{ background: rgba(var(--warm), {level / SURPRISE * 0.75:.2f}); }}"
        for level in range(1, SURPRISE + 1)
    ]
    + [
        f".{sign}{level} {{ background: rgba(var(--{color}), {level / ACTIVITY * 0.65:.2f}); }}"
        for sign, color in (("n", "cool"), ("p", "warm"))
        for level in range(1, ACTIVITY + 1)
    ]
)

# Which character is chosen is the script's; without it the colours are there all the same.
_SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
const text = document.querySelector(".surprise"), panel = document.getElementById("guesses");
const places = new Map([...text.children].map((each, index) => [each, index]));
let chosen = -1;
function part(kind, ...children) {
  const element = document.createElement(kind);
  element.append(...children);
  return element;
}
function choose(index) {
  if (index < 0 || index >= text.children.length) return;
  if (chosen >= 0) text.children[chosen].classList.remove("chosen");
  chosen = index;
  text.children[index].classList.add("chosen");
  const symbol = data.symbols[data.ids[index]];
  if (data.bits[index] === null) {
    panel.replaceChildren(part("span", part("code", symbol), " is the first character: nothing predicts it"));
    return;
  }
  const guesses = data.guesses[index].map((id, rank) => {
    const percent = data.percents[index][rank];
    const guess = part("span", part("code", data.symbols[id]), ` ${percent} %`);
    if (id === data.ids[index]) guess.className = "hit";
    return guess;
  });
  panel.replaceChildren(part("strong", part("code", symbol), ` ${data.bits[index]} bits`), ...guesses);
}
text.addEventListener("mouseover", event => { if (places.has(event.target)) choose(places.get(event.target)); });
text.addEventListener("click", event => { if (places.has(event.target)) choose(places.get(event.target)); });
text.addEventListener("keydown", event => {
  const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (step) { event.preventDefault(); choose(Math.max(0, chosen + step)); }
});
"""


def to_html(inspection, name, note=""):
    """Return a page with the text in the colours of surprise and of each chosen unit, and the tables.

    A character's surprise and the guesses in its place are shown below the text when it is touched or pointed at.

    Args:
        inspection: An `Inspection`.
        name: Of the model, plain text.
        note: What a reader must know of the text: that it has been cut.
    """
    score = inspection.score
    figures = [
        ("surprise", f"{score.bits_per_character:.3f} bits", f"{score.nats_per_character:.3f} nats per character"),
        ("perplexity", f"{score.perplexity:.2f}", ""),
        ("characters", f"{score.characters:,}", "predicted: all but the first"),
    ]
    note = f"<p>{escape(note)}</p>" if note else ""
    body = [f"<header><h1>{escape(name)} reads</h1>{pages.facts(figures)}{note}</header>"]
    body += [
        _surprise(inspection.trace),
        _units(inspection),
        _found(inspection),
        _causes(inspection),
        _flow(inspection.flow),
    ]
    return pages.page(f"{name}: inspection", "\n".join(body), _STYLE)


def _surprise(trace):
    levels = surprise_levels(trace.nats)
    characters = "".join(
        f"<i{_kind('s', level)}>{_character(each)}</i>" for each, level in zip(trace.text, levels, strict=True)
    )
    scale = "".join(f"<i{_kind('s', level)}>{level}</i>" for level in range(SURPRISE + 1))
    return (
        "<section><h2>Surprise</h2><p>How many bits each character costs after all that stands before it. Point at "
        "one, tap it, or move with the arrow keys, to see the likeliest symbols in its place.</p>"
        f'<div class="scale">{scale}<span>bits or more</span></div>'
        f'<div class="text surprise" tabindex="0" role="application" aria-label="the text">{characters}</div>'
        '<div id="guesses" aria-live="polite"><span class="soft">No character is chosen.</span></div>'
        f'<script type="application/json" id="data">{_data(trace)}</script><script>{_SCRIPT}</script></section>'
    )


def _data(trace):
    surprise = [None if math.isnan(nats) else round(bits(float(nats)), 2) for nats in trace.nats]
    data = {
        "symbols": [visible(symbol) for symbol in trace.symbols],
        "ids": trace.ids.tolist(),
        "bits": surprise,
        "guesses": trace.guesses.tolist(),
        "percents": [[round(100 * float(each), 1) for each in row] for row in trace.probabilities],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", r"\u003c")


def _units(inspection):
    figures = []
    for unit in inspection.units:
        levels = activity_levels(inspection.trace.activity(unit))
        pieces = itertools.groupby(zip(inspection.trace.text, levels, strict=True), key=lambda each: each[1])
        text = "".join(
            f"<i{_kind('n' if level < 0 else 'p', abs(level))}>{''.join(_character(each) for each, _ in piece)}</i>"
            for level, piece in pieces
        )
        follows = [
            f"{name} ({correlation:+.2f})"
            for name, ranked in inspection.found.items()
            for each, correlation in ranked
            if each == unit
        ]
        figures.append(
            f"<figure><figcaption><b>{escape(unit)}</b> {escape(', '.join(follows))}</figcaption>"
            f'<div class="text">{text}</div></figure>'
        )
    largest = '<i class="n4">-1</i><i class="n2">-½</i><i>0</i><i class="p2">½</i><i class="p4">1</i>'
    return (
        "<section><h2>Activity of units</h2><p>Layer, state and number of each unit, and its activity after each "
        "character, as a share of its largest in this text.</p>"
        f'<div class="scale">{largest}</div><div class="units">{"".join(figures)}</div></section>'
    )


def _found(inspection):
    rows = []
    for name, ranked in inspection.found.items():
        rows += [(name, unit, f"{correlation:+.3f}", pages.Bar(abs(correlation))) for unit, correlation in ranked]
        if not ranked:
            rows.append((name, "", "the same throughout the text", pages.Bar(0)))
    return (
        "<section><h2>Units that follow the text</h2><p>Correlation of the activity with what a reader knows of each "
        f"place, the strongest of {inspection.candidates:,} units. Some of it comes of chance: try another text.</p>"
        f"{pages.table(('property', 'unit', 'correlation', ''), rows)}</section>"
    )


def _causes(inspection):
    shares = inspection.causes / max(float(inspection.causes.max()), 1e-30)
    pairs = zip(inspection.trace.text, shares, strict=True)
    text = "".join(f"<i{_kind('s', round(SURPRISE * float(share)))}>{_character(each)}</i>" for each, share in pairs)
    return (
        "<section><h2>What the guess after the text comes from</h2><p>How much its log-probability would change with "
        "what each symbol brings in: the norm of the gradient, as a share of the largest.</p>"
        f'<div class="text causes">{text}</div></section>'
    )


def _flow(flow):
    steps = len(flow)
    figures = []
    for layer, norms in enumerate(flow.T, start=1):
        largest = max(float(norms.max()), 1e-30)
        columns = "".join(
            f'<i title="{distance} steps: {norm:.3g}" style="height:{_height(float(norm) / largest):.1%}"></i>'
            for distance, norm in enumerate(norms, start=1)
        )
        words = f"{norms[0]:.3g} one step before, {norms[-1]:.3g} at {steps}"
        figures.append(
            f"<figure><figcaption><b>layer {layer}</b>: {words}</figcaption>"
            f'<div class="columns">{columns}</div>'
            f'<div class="axis"><span>1 step</span><span>{steps}</span></div></figure>'
        )
    return (
        "<section><h2>Gradient flow</h2><p>The norm of the gradient of one character's loss by the states so many "
        "steps before it. Each line is a tenth of the one above.</p>"
        f'<div class="grid">{"".join(figures)}</div></section>'
    )


def _height(share):
    return max(0.0, 1 + math.log10(share) / DECADES) if share > 0 else 0.0


def _kind(letter, level):
    return f' class="{letter}{level}"' if level else ""


def _character(character):
    """Return a character as HTML; a line end is a faint sign before it."""
    return "<u>⏎</u>\n" if character == "\n" else escape(character)
