__doc__ = """Go on with a run exactly where it stopped."""

from keras_charrnn.cli.plugins import add_plugin_argument


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.training import resume

    resume(options.run_folder, plugins=options.plugin)
