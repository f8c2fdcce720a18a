__doc__ = """Serve models: a page to write with, and an interface for programs.

Others than this machine get at it with --host and --token. The address is printed; /openapi.json there describes the
interface. Ctrl-C ends it.
"""

from keras_charrnn.cli.plugins import add_plugin_argument


def add_arguments(parser):
    parser.add_argument(
        "models", metavar="RUN", nargs="+", help="runs' folders, .keras files, or names of models of the package"
    )
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="to listen at (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=int, default=8000, help="0 for any that is free (default: 8000)")
    parser.add_argument("--token", metavar="TOKEN", help="that requests must bring; needed with another address")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.views.serving import serve

    serve(options.models, options.host, options.port, options.token, options.plugin)
