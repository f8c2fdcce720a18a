__doc__ = """Train cells, optimizers and other keys under one recipe, and compare their losses and speeds.

Every combination of what is given is trained. The table is shown as it grows, and written with plots and each run into
one folder. Exit status 1 if a combination failed.
"""

from keras_charrnn.cli.train import add_overrides

MANY = 100  # trainings that nobody has to agree to


def add_arguments(parser):
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file; - for standard input")
    parser.add_argument(
        "--cells",
        metavar="CELLS",
        default="",
        help="as in gru,lstm or, with arguments, 'gru,{name: rhn, depth: 2}'",
    )
    parser.add_argument(
        "--optimizers",
        metavar="OPTIMIZERS",
        default="",
        help="as in adamw,rmsprop or, with arguments, 'adamw,{name: lion, learning_rate: 0.001}'",
    )
    parser.add_argument(
        "--vocabularies",
        metavar="UNITS",
        default="",
        help="as in character,byte or, with arguments, 'character,{name: word, most: 4000}'",
    )
    parser.add_argument(
        "--set-grid",
        metavar="KEY=VALUES",
        action="append",
        default=[],
        help="other keys of the recipe, as in model.units=128,256",
    )
    parser.add_argument(
        "--rates",
        metavar="FACTORS",
        default="",
        help="as in 0.5,1,2: times its optimizer's, learning rates to try for each, the best of which is kept",
    )
    parser.add_argument(
        "--match",
        choices=("parameters", "units"),
        default="parameters",
        help="in what the models equal the recipe's own (default: parameters), unless model.units is in the grid",
    )
    parser.add_argument("--parameters", metavar="N", type=int, help="match this number, in place of the recipe's own")
    parser.add_argument("--seeds", metavar="N", type=int, default=1, help="trainings of each (default: 1)")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="trainings side by side (default: 1)")
    add_overrides(parser)
    parser.add_argument("--output", metavar="DIR", help="a new folder (default: runs/NAME-compare-001)")
    parser.add_argument("--yes", action="store_true", help=f"do not ask before more than {MANY} trainings")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(options):
    from keras_charrnn.errors import ComparisonError
    from keras_charrnn.recipe import parse_override
    from keras_charrnn.recipe.overrides import parse_grid, parse_list

    asked = {
        "cells": parse_list(options.cells, "--cells"),
        "optimizers": parse_list(options.optimizers, "--optimizers"),
        "vocabularies": parse_list(options.vocabularies, "--vocabularies"),
        "grid": parse_grid(options.set_grid, "--set-grid"),
        "rates": parse_list(options.rates, "--rates"),
        "overrides": dict(map(parse_override, options.overrides)),
        "confirm": None if options.yes else confirm,
    }
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.studies.comparison import compare

    from keras_charrnn.common.screen import Screen

    asked["console"] = Screen(quiet=options.quiet, lasting=True)
    names = ("match", "parameters", "seeds", "output", "jobs")
    comparison = compare(options.recipe, **{name: getattr(options, name) for name in names}, **asked)
    if comparison.failed:
        raise ComparisonError(
            f"failed: {'; '.join(comparison.failed)} (why: {comparison.folder / 'comparison.md'}); all else is done"
        )


def confirm(trainings):
    """Ask on a terminal whether to go on with many trainings; refuse them elsewhere."""
    import sys

    from keras_charrnn.errors import SettingsError

    if trainings <= MANY:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        print(f"{trainings:,} trainings; go on? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise SettingsError(f"{trainings:,} trainings, and nothing was begun; give fewer values, or --yes to have them all")
