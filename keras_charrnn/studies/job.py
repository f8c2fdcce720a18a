"""A process of a study: does the orders that come as lines of JSON on standard input, with a function that is named."""

import importlib
import json
import os
import sys


def main(name):
    """Do orders until there are no more: of each there are lines of what is told, and one of what was found."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What plugins print must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module, _, function = name.partition(":")
    do = getattr(importlib.import_module(module), function)

    from keras_charrnn.errors import WriteError

    def answer(**said):
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    for line in sys.stdin:
        try:
            answer(found=do(json.loads(line), lambda words: answer(tell=words)))
        except WriteError as error:
            answer(cannot_write=str(error))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
