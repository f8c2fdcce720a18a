__doc__ = """Write a model for another program: its single step in a program's format, or its weights."""

from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.common.files import user_path

# Those of `keras_charrnn.export`, which imports Keras.
FORMATS = ("saved_model", "onnx", "litert", "weights", "torch", "half")


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
        help="of the file, or of SavedModel's folder (default: RUN/export/FORMAT with its ending)",
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
    output = user_path(options.output or folder / f"{options.format}{endings[options.format][0]}")
    load(options.path, options.plugin).export(output, options.format)
    say(Screen(), f"written to {quote(output)}, with {quote(output.with_suffix('.json'))}")
