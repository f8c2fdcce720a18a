__doc__ = """Train the model of a recipe."""


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
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(options):
    from keras_charrnn.recipe import parse_override

    overrides = dict(map(parse_override, options.overrides))
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.training import fit

    from keras_charrnn.common.screen import Screen

    console = Screen(quiet=options.quiet, lasting=True)
    fit(options.recipe, overrides, options.runs, options.name, console=console)
