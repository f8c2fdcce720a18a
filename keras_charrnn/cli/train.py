__doc__ = """Train the model of a recipe."""

import argparse


def add_overrides(parser):
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="as in model.units=256",
    )


def add_workers(parser):
    parser.add_argument("--workers", metavar="N", type=int, help="processes on this machine that train together")
    parser.add_argument(
        "--restarts",
        metavar="K",
        type=int,
        default=0,
        help="how often to begin again when one is lost (default: 0)",
    )


def add_arguments(parser):
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file; - for standard input")
    add_overrides(parser)
    parser.add_argument("--runs", metavar="DIR", default="runs", help="where the run's folder is made (default: runs)")
    parser.add_argument("--name", metavar="NAME", help="of the run's folder, in place of the recipe's")
    parser.add_argument(
        "--seeds", metavar="N", type=int, default=1, help="trainings side by side, from N seeds (default: 1)"
    )
    add_workers(parser)
    parser.add_argument("--from", dest="start", metavar="MODEL", help="a run or .keras file, whose model to begin from")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--into", metavar="FOLDER", help=argparse.SUPPRESS)  # of the processes of --seeds


def run(options):
    from keras_charrnn.errors import SettingsError
    from keras_charrnn.recipe import parse_override

    overrides = dict(map(parse_override, options.overrides))
    if options.start is not None:
        overrides["start.from"] = options.start
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.runs import RunFolder
        from keras_charrnn.studies.seeds import train_seeds
        from keras_charrnn.training import begin, fit, read_recipe

    from keras_charrnn.common.screen import Screen

    console = Screen(quiet=options.quiet, lasting=True)
    if options.workers is not None or options.restarts:
        if options.seeds != 1:
            raise SettingsError("--seeds and --workers exclude one another: seeds are trainings of their own")
        _launch(options, read_recipe(options.recipe, overrides, name=options.name), console)
    elif options.into is not None:
        begin(read_recipe(options.recipe, overrides), RunFolder(options.into).fill, console=console)
    elif options.seeds == 1:
        fit(options.recipe, overrides, options.runs, options.name, console=console)
    else:
        train_seeds(options.recipe, options.seeds, overrides, options.runs, options.name, console)


def _launch(options, plan, console):
    import pathlib
    import tempfile

    from keras_charrnn.common.files import write_text
    from keras_charrnn.runs import RunFolder
    from keras_charrnn.studies.launch import is_chief, launch

    is_here = is_chief(options.workers)
    folder = RunFolder.reserve(options.runs, plan.name) if is_here else RunFolder(options.runs)
    with tempfile.TemporaryDirectory() as place:
        recipe = pathlib.Path(place) / f"{plan.name}.yaml"
        write_text(recipe, plan.to_yaml())
        follow = ["train", recipe, "--quiet"]
        first = ["train", recipe, "--into", folder.path, *(["--quiet"] if options.quiet else [])]
        again = ["resume", folder.path]
        launch(folder if is_here else None, first, again, follow, options.workers, options.restarts, console)
