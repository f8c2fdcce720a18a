__doc__ = """Write a model for another program: its single step in a program's format, or its weights."""

from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.common.files import user_path

# Those of `keras_charrnn.export`, which imports Keras.
FORMATS = ("saved_model", "onnx", "litert", "weights", "torch", "half", "html")
MOST_MEASURED = 100_000  # characters on which the cost of int8 is measured


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file")
    parser.add_argument(
        "--format",
        required=True,
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; weights and torch are arrays in a .npz or .safetensors file",
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="of the file, or of SavedModel's folder (default: RUN/export/FORMAT with its ending, or RUN.html)",
    )
    parser.add_argument("--precision", choices=("int8", "float32"), help="of the weights in html (default: int8)")
    parser.add_argument(
        "--text", metavar="FILE", help="on which to measure what int8 costs (default: the run's validation split)"
    )
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.model.export import FORMATS as endings
        from keras_charrnn.runs.members import require_one
        from keras_charrnn.runs.run import load
    from keras_charrnn.common.screen import Screen, say
    from keras_charrnn.common.shell import quote

    require_one(options.path)
    path = user_path(options.path)
    folder = path / "export" if path.is_dir() else path.parent
    name = path.stem if options.format == "html" else options.format  # a page is called by its model
    output = user_path(options.output or folder / f"{name}{endings[options.format][0]}")
    model = load(options.path, options.plugin)
    if options.format != "html":
        model.export(output, options.format, precision=options.precision)
        say(Screen(), f"written to {quote(output)}, with {quote(output.with_suffix('.json'))}")
        return
    text = _text_for(options, path)
    model.export(output, "html", precision=options.precision)
    say(Screen(), f"written to {quote(output)}, {output.stat().st_size / 1e6:.2f} MB: open it in a browser")
    if text is not None and options.precision != "float32":
        from keras_charrnn.model.export.html import cost_of

        before, after = cost_of(model, "int8", text)
        say(
            Screen(),
            f"weights in int8: {after:.4f} nats per character in place of {before:.4f}, on {len(text):,} characters",
        )


def _text_for(options, path):
    """Return the text on which to measure: of the file that was asked for, or of the run; None where there is none."""
    from keras_charrnn.errors import CharRNNError

    if options.text is not None:
        from keras_charrnn.cli.text import read_whole

        return read_whole(options.text)[:MOST_MEASURED]
    if not path.is_dir():
        return None
    from keras_charrnn.runs import Run
    from keras_charrnn.runs.measures import validation_text

    try:
        return validation_text(Run.open(path, options.plugin), MOST_MEASURED)
    except CharRNNError:  # the corpus cannot be had any more
        return None
