__doc__ = """Write a text together with a trained model: it goes on, you choose, change and go on.

What you type is put at the end of the text, and the model continues it; an empty line lets it go on. /help lists the
commands. From a pipe it reads the same lines, and writes nothing but text; the first line that it refuses ends it.
"""

import contextlib
import sys

from keras_charrnn.cli.sample import RULES, add_sampling_arguments, settings_of
from keras_charrnn.cli.text import add_encoding, encoding_for, given
from keras_charrnn.errors import CharRNNError, SettingsError, WriteError

PROMPT = "> "


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder, or a .keras file; A+B is an ensemble")
    parser.add_argument("--text", metavar="FILE", help="a text to go on with")
    add_encoding(parser)
    parser.add_argument("--choices", metavar="N", type=int, default=1, help="continuations at a time (default: 1)")
    add_sampling_arguments(parser, length=200)


def run(options):
    if options.text == "-":
        raise SettingsError("--text - leaves no lines in standard input to answer; give --text a file")
    if sys.stdin is None:
        raise SettingsError("there are no lines to answer, for standard input is closed")
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn.cli.draft import Draft
        from keras_charrnn.cli.session import Session
        from keras_charrnn.common.shell import quote
        from keras_charrnn.model import Ensemble
        from keras_charrnn.runs.run import load
        from keras_charrnn.text import corpora
    names = ("length", "choices", "temperature", "top_k", "top_p", "min_p", "no_repeat")
    settings = {name: getattr(options, name) for name in (*names, *RULES)}
    settings |= {"temperature": 0.8, **settings_of(options)}
    model = load(options.path, options.plugin)
    encoding = encoding_for(model, options.encoding)
    text = corpora.load(path=options.text, encoding=encoding).text if options.text else ""
    draft = Draft(model, text, **settings)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    session = Session(draft, interactive, options.raw)
    if interactive:
        if isinstance(model, Ensemble):
            session.say(model.describe())
        session.say(
            f"{quote(options.path)}: {len(model.vocabulary)} symbols. Type a beginning; /help lists the commands."
        )
        _converse(session)
    else:
        _read(session)


def _read(session):
    """Answer the lines of a pipe."""
    for number, data in enumerate(sys.stdin.buffer, start=1):
        try:
            if not session.answer(data.decode("utf-8-sig").rstrip("\r\n")):
                return
        except UnicodeDecodeError as error:
            raise SettingsError(f"line {number} of standard input is not UTF-8: byte {error.start}") from error
        except WriteError:  # a failure, not a mistake in the line
            raise
        except CharRNNError as error:
            raise SettingsError(f"line {number} of standard input: {error}") from error


def _converse(session):
    """Answer the lines of a person."""
    with contextlib.suppress(ImportError):  # not on every system; it brings editing, history and the tab key
        import readline

        from keras_charrnn.cli.session import COMMANDS

        def complete(text, state):
            found = [f"/{name} " for name in COMMANDS if text and f"/{name}".startswith(text)]
            return found[state] if state < len(found) else None

        readline.set_completer_delims(" ")
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
    while True:
        try:
            if not session.answer(given("the line", input(PROMPT), raw=True)):
                return
        except EOFError:
            print()
            return
        except UnicodeDecodeError:  # of `input`
            session.say("the line is not UTF-8, and is left out")
        except KeyboardInterrupt:
            session.say("\n/quit or Ctrl-D leaves")
        except CharRNNError as error:
            session.say(str(error))
