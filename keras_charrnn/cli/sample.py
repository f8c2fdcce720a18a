__doc__ = """Write text with a trained model."""

import json

from keras_charrnn.cli.plugins import add_plugin_argument

ESCAPES = r"\n, \t, \\ and \uXXXX are escapes"
SETTINGS = {"temperature": float, "top_k": int, "top_p": float, "min_p": float, "no_repeat": int}
RULES = ("allow", "forbid", "pattern", "line_pattern")


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file; A+B is an ensemble")
    parser.add_argument("--prefix", metavar="TEXT", help=rf"the beginning of the text; {ESCAPES}, and in --stop")
    parser.add_argument("--prefix-file", metavar="FILE", help="has that beginning, as it is; - for standard input")
    parser.add_argument(
        "--prefixes",
        metavar="FILE",
        help="one a line, or in a .jsonl file {prefix: …, temperature: …} with settings of each; made side by side",
    )
    parser.add_argument(
        "--fields",
        metavar="NAME=TEXT",
        action="append",
        default=[],
        help="of a run on records: the beginning is its template, up to the first field that is not given",
    )
    add_sampling_arguments(parser, length=400)
    parser.add_argument("--beams", metavar="N", type=int, help="search for the likeliest text, N beginnings at a time")
    parser.add_argument("--num-samples", metavar="N", type=int, default=1, help="texts to write (default: 1)")
    parser.add_argument("--best-of", metavar="N", type=int, default=1, help="of each N, keep the likeliest")
    parser.add_argument("--stop", metavar="TEXT", action="append", default=[], help="end before this text; or several")
    parser.add_argument("--json", action="store_true", help="print JSON lines: text, settings, nats, why it ended")
    parser.add_argument(
        "--output", metavar="FILE", help="write it there, several one after another: of a model of bytes, bytes"
    )
    parser.add_argument(
        "--memorization",
        action="store_true",
        help="also say, on standard error, how much of the new text stands word for word in the run's training text",
    )


def add_sampling_arguments(parser, length):
    """Add the arguments of all commands that make text."""
    parser.add_argument("--length", metavar="N", type=int, default=length, help=f"new characters (default: {length})")
    parser.add_argument("--temperature", metavar="X", type=float, help="0 is greedy (default: 0.8)")
    parser.add_argument("--top-k", metavar="N", type=int, help="draw from the N likeliest symbols")
    parser.add_argument("--top-p", metavar="X", type=float, help="draw from the likeliest symbols of this probability")
    parser.add_argument("--min-p", metavar="X", type=float, help="draw from what has this share of the likeliest's")
    parser.add_argument("--no-repeat", metavar="N", type=int, help="let no piece of N symbols come twice")
    parser.add_argument(
        "--sampler",
        metavar="NAME",
        action="append",
        default=[],
        help="of a plugin, as in mine or, with arguments, '{name: mine, strength: 2}'",
    )
    parser.add_argument("--allow", metavar="SET", help="only these characters may come, as in 'a-z .' or '\\w'")
    parser.add_argument("--forbid", metavar="SET", help="these characters may not come, as in eE")
    parser.add_argument("--pattern", metavar="REGEX", help="all of the new text matches it")
    parser.add_argument("--line-pattern", metavar="REGEX", help="each line of the new text matches it")
    parser.add_argument("--seed", metavar="N", type=int, help="the same seed gives the same text")
    parser.add_argument("--raw", action="store_true", help="take a backslash for a backslash")
    add_plugin_argument(parser)


def settings_of(options):
    """Return the settings of `Sampling` that the command line gives."""
    from keras_charrnn.recipe.overrides import parse_list

    samplers = [each for given in options.sampler for each in parse_list(given, "--sampler")]
    names = (*SETTINGS, *RULES, "seed")
    given = {name: getattr(options, name) for name in names} | {"beams": getattr(options, "beams", None)}
    return {name: value for name, value in given.items() if value is not None} | (
        {"samplers": samplers} if samplers else {}
    )


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.model import Ensemble
        from keras_charrnn.model.sampling import Sampling
        from keras_charrnn.plugins import load_plugins
        from keras_charrnn.runs.measures import training_text
        from keras_charrnn.runs.run import load
        from keras_charrnn.runs.sources import open_source
    from keras_charrnn.cli.prefixes import beginnings
    from keras_charrnn.cli.text import given
    from keras_charrnn.common.files import user_path, write_text
    from keras_charrnn.common.screen import Screen, say

    if options.sampler:
        load_plugins(options.plugin)
    settings = settings_of(options)
    Sampling(**settings)  # its errors before the model is read
    stop = [given("--stop", each, options.raw) for each in options.stop]
    settings |= {"length": options.length, "stop": stop or None}
    model = load(options.path, options.plugin)
    requests = beginnings(options, model, settings)
    learned = training_text(open_source(options.path, options.plugin)) if options.memorization else None
    errors = Screen(stderr=True)
    if isinstance(model, Ensemble):
        say(errors, f"keras-charrnn: {model.describe()}")
    for request in requests:
        if note := model.vocabulary.note_of(request.prefix, request.what):
            say(errors, f"keras-charrnn: {note}")
    is_ruled = bool(settings.keys() & set(RULES))  # and what that costs is known at the end
    is_one = len(requests) == options.num_samples == options.best_of == 1
    is_stream = is_one and not (options.json or options.output or is_ruled)
    texts = _streamed(model, requests[0]) if is_stream else None
    if texts is None:
        samples = _made(model, requests, options.num_samples, options.best_of)
        texts = [sample.text for sample in samples]
        if options.output is not None:
            write_text(user_path(options.output), _written(samples, options.json))
        else:
            _show(samples, options.json)
        if is_ruled and options.beams is None and not options.json:
            cost = sum(each.cost for each in samples) / max(1, sum(map(len, texts)))
            say(errors, f"keras-charrnn: the rules cost {cost:.3f} nats per character of likelihood")
    if learned is not None:
        from keras_charrnn.text.verbatim import memorization

        say(errors, f"keras-charrnn: {memorization(texts, learned)}")


def _streamed(model, request):
    """Show a text as it is made; return what is new of it, in a list."""
    from keras_charrnn.common.screen import Screen, show

    screen, text = Screen(), ""
    for piece in model.stream(request.prefix, **request.settings):
        show(screen, piece, end="")
        text += piece
    show(screen, "")
    return [text.removeprefix(request.prefix)]


def _made(model, requests, num_samples, best_of):
    """Return the samples of all requests, in their order; those of the same settings are made side by side."""
    groups, made = {}, {}
    for place, request in enumerate(requests):
        groups.setdefault(json.dumps(request.settings, sort_keys=True), []).append(place)
    for places in groups.values():
        prefixes, settings = [requests[place].prefix for place in places], requests[places[0]].settings
        found = model.samples(prefixes, num_samples=num_samples, best_of=best_of, **settings)
        for number, place in enumerate(places):
            made[place] = found[number * num_samples : (number + 1) * num_samples]
    return [sample for place in range(len(requests)) for sample in made[place]]


def _show(samples, as_json):
    from keras_charrnn.common.screen import Screen, show

    screen = Screen()
    for number, sample in enumerate(samples, start=1):
        if as_json:
            print(json.dumps(sample.to_mapping()), flush=True)
        else:
            title = f"--- {number} ---\n" if len(samples) > 1 else ""
            show(screen, f"{title}{sample.prefix}{sample.text}")


def _written(samples, as_json):
    if as_json:
        return "".join(json.dumps(sample.to_mapping()) + "\n" for sample in samples)
    return "".join(sample.prefix + sample.text for sample in samples)
