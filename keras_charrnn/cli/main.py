"""The program: arguments to a command, errors to messages and exit statuses."""

import argparse
import os
import pathlib
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
    models,
    new,
    recipes,
    report,
    resume,
    sample,
    score,
    serve,
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
    "serve": serve,
    "inspect": inspect,
    "export": export,
    "check": check,
    "cells": cells,
    "corpora": corpora,
    "recipes": recipes,
    "models": models,
    "completion": completion,
}
STATUSES = (
    "Exit status: 0 done; 1 a failure of the run, such as a full disk, or a cell that fails its check or in a "
    "comparison, or a search without a loss; 2 a mistake in what was asked for; 75 a lost worker; 129 a closed "
    "terminal; 130 Ctrl-C; 143 SIGTERM."
)


def main(arguments=None):
    """Run the program; return its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by >&-; the next file that is opened would stand in for it
            setattr(sys, name, pathlib.Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    if getattr(sys.stdout, "errors", "") in ("strict", "surrogateescape"):  # characters that its encoding lacks
        sys.stdout.reconfigure(errors="replace")
    options = make_parser().parse_args(arguments)
    os.environ["KERAS_BACKEND"] = BACKEND  # whatever other programs of the user's have Keras run on
    if not options.debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
        print(end="", flush=True)
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


class Parser(argparse.ArgumentParser):
    """Takes what follows an option as its value, even if it begins with a dash, unless it is an option too."""

    def parse_known_args(self, args=None, namespace=None):
        return super().parse_known_args(self._join(sys.argv[1:] if args is None else args), namespace)

    def error(self, message):
        self.print_usage(sys.stderr)
        _tell(f"{self.prog}: error: {message}")
        self.exit(2)

    def _join(self, arguments):
        """Return the arguments with each option and its value in one, as in --prefix=-->."""
        options, joined, left = self._option_string_actions, [], iter(arguments)
        for word in left:
            if word == "--":
                return [*joined, word, *left]
            if word in options and options[word].nargs is None and (value := next(left, None)) is not None:
                if value == "--":  # which argparse would take away
                    self.error(f"argument {word}: expected one argument, not --")
                if value.partition("=")[0] in options:
                    self.error(f"argument {word}: {value} is an option; as the value of {word}, write {word}={value}")
                word = f"{word}={value}"
            joined.append(word)
        return joined


def _fail(options, error, message, status):
    if options.debug:
        raise error
    _tell(f"keras-charrnn: {message}")
    return status


def _tell(message):
    from keras_charrnn.common.screen import Screen, say

    say(Screen(stderr=True), message)


def make_parser():
    """Return the parser of the program's arguments."""
    parser = Parser(
        prog="keras-charrnn",
        description="Train character-level recurrent language models, and write with them.",
        epilog=f"{STATUSES} NO_COLOR in the environment turns colours off, as does a pipe.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():  # assigned in the modules: python -OO takes other docstrings away
        summary = command.__doc__.splitlines()[0]
        sub = commands.add_parser(name, help=summary, description=command.__doc__, epilog=STATUSES, allow_abbrev=False)
        command.add_arguments(sub)
        sub.add_argument("--debug", action="store_true", help="show tracebacks and TensorFlow's messages")
        sub.set_defaults(run=command.run, parser=parser)
    return parser
