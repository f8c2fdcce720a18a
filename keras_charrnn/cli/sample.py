"""Write text with a trained model."""

import sys


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file")
    parser.add_argument("--prefix", metavar="TEXT", default="", help="the beginning of the text")
    add_sampling_arguments(parser, length=400)
    parser.add_argument("--num-samples", metavar="N", type=int, default=1, help="texts to write (default: 1)")
    parser.add_argument("--stop", metavar="TEXT", help="end before this text")
    parser.add_argument(
        "--memorization",
        action="store_true",
        help="also say, on standard error, how much of the new text stands word for word in the run's training text",
    )


def add_sampling_arguments(parser, length):
    """Add the arguments of all commands that make text."""
    parser.add_argument("--length", metavar="N", type=int, default=length, help=f"new characters (default: {length})")
    parser.add_argument("--temperature", metavar="X", type=float, default=0.8, help="0 is greedy (default: 0.8)")
    parser.add_argument("--top-k", metavar="N", type=int, help="draw from the N likeliest symbols")
    parser.add_argument("--top-p", metavar="X", type=float, help="draw from the likeliest symbols of this probability")
    parser.add_argument("--seed", metavar="N", type=int, help="the same seed gives the same text")
    parser.add_argument("--plugin", metavar="FILE", action="append", default=[], help="registers the model's cell")


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.model.generation import Sampling
        from keras_charrnn.runs.folder import load
        from keras_charrnn.runs.measures import training_text

    settings = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    Sampling(**settings)  # its errors before the model is read
    model = load(options.path, options.plugin)
    learned = training_text(options.path) if options.memorization else None
    settings |= {"prefix": options.prefix, "length": options.length, "stop": options.stop}
    if options.num_samples == 1:
        texts = [""]
        for piece in model.stream(**settings):
            sys.stdout.write(piece)
            sys.stdout.flush()
            texts[0] += piece
        sys.stdout.write("\n")
    else:
        texts = model.generate(num_samples=options.num_samples, **settings)
        for number, text in enumerate(texts, start=1):
            print(f"--- {number} ---\n{text}")
    if learned is not None:
        from keras_charrnn.text.verbatim import memorization

        sys.stdout.flush()
        found = memorization([text.removeprefix(options.prefix) for text in texts], learned)
        print(f"keras-charrnn: {found}", file=sys.stderr)
