__doc__ = """Go on with a run exactly where it stopped, or for longer."""

from keras_charrnn.cli.plugins import add_plugin_argument


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder")
    parser.add_argument("--epochs", metavar="N", type=int, help="of the whole run, for it to go on until then")
    parser.add_argument("--minutes", metavar="M", type=float, help="of the whole run, likewise")
    parser.add_argument("--learning-rate", metavar="RATE", type=float, help="from now on")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.training import resume

    longer = {name: getattr(options, name) for name in ("epochs", "minutes", "learning_rate")}
    resume(options.run_folder, plugins=options.plugin, **longer)
