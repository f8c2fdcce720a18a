"""Write text with a trained model."""

import sys


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file")
    parser.add_argument("--prefix", metavar="TEXT", default="", help="the beginning of the text")
    add_sampling_arguments(parser, length=400)
    parser.add_argument("--num-samples", metavar="N", type=int, default=1, help="texts to write (default: 1)")
    parser.add_argument("--stop", metavar="TEXT", help="end before this text")


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
        from keras_charrnn.generation import Sampling
        from keras_charrnn.runs import load

    settings = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    Sampling(**settings)  # its errors before the model is read
    model = load(options.path, options.plugin)
    settings |= {"prefix": options.prefix, "length": options.length, "stop": options.stop}
    if options.num_samples == 1:
        for piece in model.stream(**settings):
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")
        return
    for number, text in enumerate(model.generate(num_samples=options.num_samples, **settings), start=1):
        print(f"--- {number} ---\n{text}")
