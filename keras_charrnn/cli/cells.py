"""List the registered cells."""

from keras_charrnn.cli.table import print_summaries


def add_arguments(parser):
    parser.add_argument("--plugin", metavar="FILE", action="append", default=[], help="module or file to import first")


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn import registry

        registry.cells.names()
    for plugin in options.plugin:
        registry.load_plugin(plugin)
    print_summaries(registry.cells)
