__doc__ = """Search over the keys that the section `tune` of a recipe names, for the least validation loss.

Trials that fall behind are ended early. The table, each run and best.yaml, the recipe with the best values, are written
into one folder, from which the search can go on. Exit status 1 if no trial came to a loss.
"""

from keras_charrnn.cli.train import add_overrides


def add_arguments(parser):
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        help="a YAML file, or - for standard input; or the folder of a search, to go on with it",
    )
    parser.add_argument("--minutes", metavar="N", type=float, required=True, help="after which the search ends")
    parser.add_argument("--trials", metavar="N", type=int, help="most trials (default: as many as there is time for)")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="trials side by side (default: 1)")
    add_overrides(parser)
    parser.add_argument("--output", metavar="DIR", help="a new folder (default: runs/NAME-tune-001)")
    parser.add_argument("--json", action="store_true", help="print one JSON document, all else to standard error")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors, and with --json the document")


def run(options):
    from keras_charrnn.errors import SearchError
    from keras_charrnn.recipe import parse_override

    overrides = dict(map(parse_override, options.overrides))
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.studies.tuning import tune

    from keras_charrnn.common.screen import Screen

    console = Screen(stderr=options.json, quiet=options.quiet, lasting=True)
    search = tune(options.recipe, options.minutes, options.trials, overrides, options.output, console, options.jobs)
    if options.json:
        import json

        print(json.dumps(search.to_mapping(), indent=2))
    if search.best is None:
        reasons = "; ".join(dict.fromkeys(each.error for each in search.trials if each.error)) or "its time was over"
        raise SearchError(f"no trial came to a loss: {reasons} (all: {search.folder / 'tune.md'})")
