__doc__ = """See inside a model while it reads a text."""

import contextlib

from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.cli.text import add_encoding, encoding_for, read_text


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file")
    parser.add_argument("--text", metavar="FILE", required=True, help="the text to read; - for standard input")
    add_encoding(parser)
    parser.add_argument(
        "--units", metavar="NAMES", help="as in 3,c.17,1.h.4: unit, state and unit, layer, state and unit"
    )
    parser.add_argument(
        "--characters", metavar="N", type=int, default=4000, help="read the first N of the text (default: 4000)"
    )
    parser.add_argument("--html", metavar="FILE", help="write a page in place of the output in the terminal")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.common.files import user_path, write_text
        from keras_charrnn.common.screen import Screen, say
        from keras_charrnn.common.shell import quote
        from keras_charrnn.runs.members import require_one
        from keras_charrnn.runs.run import load
        from keras_charrnn.views.inspection import inspect, show, to_html
    require_one(options.path)
    model = load(options.path, options.plugin)
    text, cut = read_text(options.text, options.characters, encoding_for(model, options.encoding))
    console = Screen()
    units = None if options.units is None else options.units.split(",")
    with console.status("reading") if console.is_terminal else contextlib.nullcontext():
        inspection = inspect(model, text, units)
    note = f"Only the first {len(text):,} characters were read; --characters takes more." if cut else ""
    if options.html:
        name = user_path(options.path).resolve().name
        write_text(user_path(options.html), to_html(inspection, name, note))
    if note:
        say(console, note)
    if options.html:
        say(console, f"page in {quote(options.html)}")
    else:
        show(inspection, console)
