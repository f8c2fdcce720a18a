__doc__ = """Train several cells under one recipe, and compare their losses and speeds.

The table is shown as it grows, and written with plots and each run into one folder. Exit status 1 if a cell failed.
"""

from keras_charrnn.cli.train import add_overrides


def add_arguments(parser):
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file; - for standard input")
    parser.add_argument(
        "--cells",
        metavar="CELLS",
        required=True,
        help="as in gru,lstm or, with arguments, 'gru,{name: rhn, depth: 2}'",
    )
    parser.add_argument(
        "--match",
        choices=("parameters", "units"),
        default="parameters",
        help="in what the models equal the recipe's own (default: parameters)",
    )
    parser.add_argument("--parameters", metavar="N", type=int, help="match this number, in place of the recipe's own")
    parser.add_argument("--seeds", metavar="N", type=int, default=1, help="trainings of each cell (default: 1)")
    add_overrides(parser)
    parser.add_argument("--output", metavar="DIR", help="a new folder (default: runs/NAME-compare-001)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(options):
    from keras_charrnn.errors import ComparisonError
    from keras_charrnn.recipe import parse_override
    from keras_charrnn.recipe.overrides import parse_list

    overrides = dict(map(parse_override, options.overrides))
    cells = parse_list(options.cells, "--cells")
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.studies.comparison import compare

    from keras_charrnn.common.screen import Screen

    console = Screen(quiet=options.quiet, lasting=True)
    comparison = compare(
        options.recipe, cells, options.match, options.parameters, options.seeds, overrides, options.output, console
    )
    if comparison.failed:
        raise ComparisonError(
            f"failed: {'; '.join(comparison.failed)} (why: {comparison.folder / 'comparison.md'}); all else is done"
        )
