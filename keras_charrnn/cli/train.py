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


def add_arguments(parser):
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file; - for standard input")
    add_overrides(parser)
    parser.add_argument("--runs", metavar="DIR", default="runs", help="where the run's folder is made (default: runs)")
    parser.add_argument("--name", metavar="NAME", help="of the run's folder, in place of the recipe's")
    parser.add_argument(
        "--seeds", metavar="N", type=int, default=1, help="trainings side by side, from N seeds (default: 1)"
    )
    parser.add_argument("--from", dest="start", metavar="MODEL", help="a run or .keras file, whose model to begin from")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--into", metavar="FOLDER", help=argparse.SUPPRESS)  # of the processes of --seeds


def run(options):
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
    if options.into is not None:
        begin(read_recipe(options.recipe, overrides), RunFolder(options.into).fill, console=console)
    elif options.seeds == 1:
        fit(options.recipe, overrides, options.runs, options.name, console=console)
    else:
        train_seeds(options.recipe, options.seeds, overrides, options.runs, options.name, console)
