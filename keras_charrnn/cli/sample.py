__doc__ = """Write text with a trained model."""

from keras_charrnn.cli.plugins import add_plugin_argument

ESCAPES = r"\n, \t, \\ and \uXXXX are escapes"


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file; A+B is an ensemble")
    parser.add_argument("--prefix", metavar="TEXT", help=rf"the beginning of the text; {ESCAPES}, and in --stop")
    parser.add_argument("--prefix-file", metavar="FILE", help="has that beginning, as it is; - for standard input")
    parser.add_argument(
        "--fields",
        metavar="NAME=TEXT",
        action="append",
        default=[],
        help="of a run on records: the beginning is its template, up to the first field that is not given",
    )
    add_sampling_arguments(parser, length=400)
    parser.add_argument("--num-samples", metavar="N", type=int, default=1, help="texts to write (default: 1)")
    parser.add_argument("--stop", metavar="TEXT", help="end before this text")
    parser.add_argument(
        "--output", metavar="FILE", help="write it there, several one after another: of a model of bytes, bytes"
    )
    parser.add_argument(
        "--memorization",
        action="store_true",
        help="also say, on standard error, how much of the new text stands word for word in the run's training text",
    )


def _beginning(options):
    """Return the text with which records begin that have some fields.

    Raises:
        SettingsError: If the run's recipe has no template, or the fields do not go with it.
    """
    from keras_charrnn.cli.text import given
    from keras_charrnn.common.template import Template
    from keras_charrnn.errors import SettingsError
    from keras_charrnn.recipe.reading import load_file
    from keras_charrnn.runs import RunFolder

    template = load_file(RunFolder.open(options.path).recipe)[0]["corpus"].get("template")
    if template is None:
        raise SettingsError(f"--fields is of a run on records, and the recipe of {options.path} has no corpus.template")
    values = {}
    for each in options.fields:
        name, equals, text = each.partition("=")
        if not equals:
            raise SettingsError(f"--fields takes NAME=TEXT, as in author=Byron; received {each!r}")
        values[name] = given("--fields", text, options.raw)
    return Template(template).begin(values)


def add_sampling_arguments(parser, length):
    """Add the arguments of all commands that make text."""
    parser.add_argument("--length", metavar="N", type=int, default=length, help=f"new characters (default: {length})")
    parser.add_argument("--temperature", metavar="X", type=float, default=0.8, help="0 is greedy (default: 0.8)")
    parser.add_argument("--top-k", metavar="N", type=int, help="draw from the N likeliest symbols")
    parser.add_argument("--top-p", metavar="X", type=float, help="draw from the likeliest symbols of this probability")
    parser.add_argument("--seed", metavar="N", type=int, help="the same seed gives the same text")
    parser.add_argument("--raw", action="store_true", help="take a backslash for a backslash")
    add_plugin_argument(parser)


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.model import Ensemble
        from keras_charrnn.model.generation import Sampling
        from keras_charrnn.runs.measures import training_text
        from keras_charrnn.runs.run import load
        from keras_charrnn.runs.sources import open_source
    from keras_charrnn.cli.text import given, read_whole
    from keras_charrnn.common.files import user_path, write_text
    from keras_charrnn.common.screen import Screen, say, show
    from keras_charrnn.errors import SettingsError

    settings = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    Sampling(**settings)  # its errors before the model is read
    given_ways = [options.prefix is not None, options.prefix_file is not None, bool(options.fields)]
    if sum(given_ways) > 1:
        raise SettingsError("--prefix, --prefix-file and --fields exclude one another; give one of them")
    prefix = given("--prefix", options.prefix or "", options.raw)
    if options.fields:
        prefix = _beginning(options)
    stop = None if options.stop is None else given("--stop", options.stop, options.raw)
    model = load(options.path, options.plugin)
    if options.prefix_file is not None:
        prefix = read_whole(options.prefix_file, model.vocabulary.encoding)
    learned = training_text(open_source(options.path, options.plugin)) if options.memorization else None
    settings |= {"prefix": prefix, "length": options.length, "stop": stop}
    screen, errors = Screen(), Screen(stderr=True)
    if isinstance(model, Ensemble):
        say(errors, f"keras-charrnn: {model.describe()}")
    if note := model.vocabulary.note_of(prefix, "the prefix"):
        say(errors, f"keras-charrnn: {note}")
    if options.output is not None:
        texts = model.generate(num_samples=options.num_samples, **settings)
        texts = [texts] if options.num_samples == 1 else texts
        write_text(user_path(options.output), "".join(texts))
    elif options.num_samples == 1:
        texts = [""]
        for piece in model.stream(**settings):
            show(screen, piece, end="")
            texts[0] += piece
        show(screen, "")
    else:
        texts = model.generate(num_samples=options.num_samples, **settings)
        for number, text in enumerate(texts, start=1):
            show(screen, f"--- {number} ---\n{text}")
    if learned is not None:
        from keras_charrnn.text.verbatim import memorization

        found = memorization([text.removeprefix(prefix) for text in texts], learned)
        say(errors, f"keras-charrnn: {found}")
