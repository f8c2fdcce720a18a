__doc__ = """Measure how well trained models predict a split of their corpora, or any texts, in one table.

The protocol is named with every figure. carried: one pass over every character, the state carried. windows: 12,800
random windows of 256 characters, each from the initial states, as in nanoGPT. They are different measures.
"""

from keras_charrnn.cli.plugins import add_plugin_argument
from keras_charrnn.cli.text import add_encoding, reading_for


def add_arguments(parser):
    parser.add_argument(
        "paths", metavar="RUN", nargs="+", help="a run's folder, or with --text a .keras file; A+B is an ensemble"
    )
    parser.add_argument("--text", metavar="FILE", nargs="+", help="texts to predict, in place of the run's own")
    add_encoding(parser)
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="validation",
        help="part of the run's own corpus (default: validation, which chose the model)",
    )
    parser.add_argument(
        "--protocol", choices=("carried", "windows"), default="carried", help="how to measure (default: carried)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the random windows (default: 0)")
    add_dynamic(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document, a list")
    add_plugin_argument(parser)


def add_dynamic(parser):
    """Add the arguments of all commands that measure."""
    parser.add_argument(
        "--dynamic",
        action="store_true",
        help="also, by itself, how well the model does that goes on learning from what it has scored",
    )
    parser.add_argument("--dynamic-rate", metavar="X", type=float, help="at which it learns (default: 0.001)")
    parser.add_argument("--dynamic-decay", metavar="X", type=float, help="back to what it was (default: 0.005)")


def learning_of(options):
    """Return what `evaluate` takes as `dynamic`: False where that is not asked for, by any of the options."""
    given = {"rate": options.dynamic_rate, "decay": options.dynamic_decay}
    given = {name: value for name, value in given.items() if value is not None}
    return given or options.dynamic


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.runs.measures import evaluate
        from keras_charrnn.runs.sources import open_source
    import dataclasses
    import functools

    from keras_charrnn.common.files import name_of
    from keras_charrnn.common.progress import progress
    from keras_charrnn.errors import VocabularyError
    from keras_charrnn.text import corpora

    @functools.cache
    def read(path, **how):
        return dataclasses.replace(corpora.load(path=path, **how), name=name_of(path))

    rows, dynamic = [], learning_of(options)
    for path in options.paths:
        source = open_source(path, options.plugin)
        for text in options.text or [None]:
            try:
                text = text and read(text, **reading_for(source, text, options.encoding))
                with progress(f"{path} {text.name if text else options.split}"):
                    how = options.split, options.protocol, options.seed
                    rows.append((path, evaluate(source, text, *how, dynamic=dynamic)))
            except VocabularyError as error:  # which of the models it is
                raise VocabularyError(f"{path}: {error}") from error
    if options.json:
        import json

        print(json.dumps([{"model": path, **row.to_mapping()} for path, row in rows], indent=2))
    else:
        _print_table(rows)


def _print_table(rows):
    import rich.box
    import rich.table

    from keras_charrnn.common.screen import Screen, cell, say

    first = rows[0][1]
    windows = f", seed {first.seed}" if first.seed is not None else ""
    table = rich.table.Table("model", "text", box=rich.box.SIMPLE_HEAD, title=f"protocol {first.protocol}{windows}")
    for name in ("characters", "nats", "bits", "perplexity"):
        table.add_column(name, justify="right", no_wrap=True)
    for path, row in rows:
        text = f"{row.corpus}, {row.split}" if row.split else row.corpus
        for model, measured in ((path, row), (f"{path}, dynamic", row.dynamic)):
            if measured is not None:
                figures = (f"{figure:.4f}" for figure in measured.figures.values())
                table.add_row(cell(model), cell(text), f"{row.characters:,}", *figures)
    screen = Screen()
    screen.print(table)
    say(screen, "nats and bits are per character")
    for path, row in rows:
        if row.unknown:
            unknown = f"{row.unknown:,} characters of {row.corpus} are unknown to it, and were dropped or replaced"
            say(screen, f"{path}: {unknown}")
    for path, count in {path: len(row.members) for path, row in rows if row.members}.items():
        say(screen, f"{path}: an ensemble, the mean of the probabilities of {count} models")
    if first.dynamic is not None:
        say(screen, str(first.dynamic.learning))
    if any(row.chosen_by for _, row in rows):
        say(screen, f"the {first.chosen_by or 'validation'} split chose each run's model")
