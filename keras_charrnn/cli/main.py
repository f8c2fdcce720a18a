"""The program: arguments to a command, errors to messages and exit statuses."""

import argparse
import os
import sys

from keras_charrnn import __version__
from keras_charrnn.cli import (
    cells,
    check,
    compare,
    completion,
    corpora,
    evaluate,
    export,
    inspect,
    new,
    report,
    resume,
    sample,
    score,
    train,
    tune,
    write,
)
from keras_charrnn.common.keras_settings import BACKEND
from keras_charrnn.errors import CharRNNError

COMMANDS = {
    "new": new,
    "train": train,
    "resume": resume,
    "compare": compare,
    "tune": tune,
    "sample": sample,
    "write": write,
    "evaluate": evaluate,
    "score": score,
    "report": report,
    "inspect": inspect,
    "export": export,
    "check": check,
    "cells": cells,
    "corpora": corpora,
    "completion": completion,
}
STATUSES = (
    "Exit status: 0 done; 1 a failure of the run, such as a full disk, or a cell that fails its check or in a "
    "comparison, or a search without a loss; 2 a mistake in what was asked for; 130 Ctrl-C; 143 SIGTERM."
)


def main(arguments=None):
    """Run the program; return its exit status."""
    options = make_parser().parse_args(arguments)
    os.environ["KERAS_BACKEND"] = BACKEND  # whatever other programs of the user's have Keras run on
    if not options.debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left, as in `keras-charrnn sample … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CharRNNError as error:
        return _fail(options, error, str(error), error.exit_status)
    except Exception as error:  # the last resort: a message, not a traceback
        return _fail(options, error, f"{type(error).__name__}: {error}\n(--debug shows where it arose)", 1)
    return 0


def _fail(options, error, message, status):
    if options.debug:
        raise error
    print(f"keras-charrnn: {message}", file=sys.stderr)
    return status


def make_parser():
    """Return the parser of the program's arguments."""
    parser = argparse.ArgumentParser(
        prog="keras-charrnn",
        description="Train character-level recurrent language models, and write with them.",
        epilog=f"{STATUSES} NO_COLOR in the environment turns colours off, as does a pipe.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = command.__doc__.splitlines()[0]
        sub = commands.add_parser(name, help=summary, description=command.__doc__, epilog=STATUSES, allow_abbrev=False)
        command.add_arguments(sub)
        sub.add_argument("--debug", action="store_true", help="show tracebacks and TensorFlow's messages")
        sub.set_defaults(run=command.run, parser=parser)
    return parser
