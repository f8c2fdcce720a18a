__doc__ = """Go on with a run exactly where it stopped, or for longer."""

from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.cli.train import add_workers


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder")
    parser.add_argument("--epochs", metavar="N", type=int, help="of the whole run, for it to go on until then")
    parser.add_argument("--minutes", metavar="M", type=float, help="of the whole run, likewise")
    parser.add_argument("--learning-rate", metavar="RATE", type=float, help="from now on")
    add_workers(parser)
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.training import resume

    if options.workers is not None or options.restarts:
        from keras_charrnn.runs import RunFolder
        from keras_charrnn.studies.launch import is_chief, launch

        # The run may be on the chief's disk alone.
        folder = RunFolder.open(options.run_folder) if is_chief(options.workers) else None
        launch(folder, *_arguments(options), options.workers, options.restarts)
        return
    longer = {name: getattr(options, name) for name in ("epochs", "minutes", "learning_rate")}
    resume(options.run_folder, plugins=options.plugin, **longer)


def _arguments(options):
    """Return the program's arguments of the chief, first and when it goes on, and of the other workers."""
    again = ["resume", options.run_folder]
    for each in options.plugin or ():
        again += ["--plugin", each]
    longer = []
    for name in ("epochs", "minutes", "learning_rate"):
        if (value := getattr(options, name)) is not None:
            longer += [f"--{name.replace('_', '-')}", value]
    return [*again, *longer], [*again, *longer], again
