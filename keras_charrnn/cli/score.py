__doc__ = """Measure how well a trained model predicts a text of any length, in constant memory; per line too.

One pass over every character, the state carried: the protocol `carried` of evaluate.
"""

import json
import math
import shutil
import sys
import tempfile

from keras_charrnn.cli.evaluate import add_dynamic, learning_of
from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.cli.text import add_encoding, reading_for


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file; A+B is an ensemble")
    parser.add_argument("text", metavar="FILE", help="the text; - for standard input")
    add_encoding(parser)
    parser.add_argument("--lines", action="store_true", help="the figures of each line too")
    add_dynamic(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.runs import measures
        from keras_charrnn.runs.sources import open_source
    from keras_charrnn.common.files import name_of
    from keras_charrnn.common.progress import progress
    from keras_charrnn.common.screen import Screen, say
    from keras_charrnn.model.evaluation import Lines
    from keras_charrnn.text.corpora import load, read_pieces
    from keras_charrnn.text.corpora.opening import open_text
    from keras_charrnn.text.corpora.text import Limited

    lines, name, dynamic = Lines(), name_of(options.text), learning_of(options)
    with open_text(options.text) as file, tempfile.TemporaryFile("w+", encoding="utf-8") as lines_as_json:
        source = open_source(options.path, options.plugin)
        show = _to_json(lines_as_json) if options.json else _to_screen()
        with progress(f"scoring {name}", file.size, shown=not options.lines) as advance:
            how = reading_for(source, options.text, options.encoding)
            if "template" in how:
                pieces = load(path=options.text, **how).pieces()
            else:
                watched = Limited(file, watch=lambda data: advance(len(data)))
                pieces = read_pieces(watched, name, **how)
            watch = (lambda piece, nats: show(lines.add(piece, nats))) if options.lines else None
            result = measures.evaluate_pieces(source, pieces, name, watch, dynamic)
        show(lines.end())
        if options.json:
            # Printed at the end, so that an error leaves no half of a document; from a file, for want of memory.
            begin, rest = json.dumps({"model": options.path, **result.to_mapping()})[:-1], ""
            if options.lines:
                begin, rest = begin + ', "lines": [', "]"
            sys.stdout.write(begin)
            lines_as_json.seek(0)
            shutil.copyfileobj(lines_as_json, sys.stdout)
            print(rest + "}")
            return
    screen = Screen()
    ensemble = f", an ensemble of {len(result.members)} models" if result.members else ""
    say(screen, f"{name}: {result.characters:,} characters, protocol {result.protocol}{ensemble}")
    _say_figures(screen, result)
    if result.unknown:
        say(screen, f"  {result.unknown:,} characters are unknown to the model, and were dropped or replaced")
    if result.dynamic is not None:
        say(screen, str(result.dynamic.learning))
        _say_figures(screen, result.dynamic)


def _say_figures(screen, result):
    from keras_charrnn.common.screen import say

    for title, figure in result.figures.items():
        say(screen, f"  {title.replace('_', ' '):20}{figure:.4f}")


def _to_screen():
    from keras_charrnn.common.screen import Screen, beginning, show, visible

    screen = Screen()
    width = max(10, shutil.get_terminal_size().columns - 17)
    title = "   line    bits  text\n"

    def show_lines(lines):
        nonlocal title
        for line in lines:
            bits = f"{line.bits_per_character:7.3f}" if line.characters else "      -"
            text = beginning(visible(line.beginning).replace("\t", " "), width)
            show(screen, f"{title}{line.number:>7} {bits}  {text}")
            title = ""

    return show_lines


def _to_json(file):
    separator = ""

    def show(lines):
        nonlocal separator
        for line in lines:
            figures = {name: getattr(line, name) for name in ("nats_per_character", "bits_per_character")}
            if math.isnan(line.nats_per_character):
                figures = dict.fromkeys(figures)
            row = {"line": line.number, "characters": line.characters, **figures}
            file.write(separator + json.dumps(row))
            separator = ", "

    return show
