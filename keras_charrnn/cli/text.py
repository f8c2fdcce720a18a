"""A text that the command line gives, or names: a file, or standard input."""

import contextlib
import itertools
import pathlib
import sys


@contextlib.contextmanager
def open_text(path):
    """Yield a file of bytes, its name in messages, and its size, None for that of a pipe; "-" is standard input.

    Raises:
        CorpusError: If it cannot be opened.
    """
    from keras_charrnn.common.importing import suggest
    from keras_charrnn.errors import CorpusError

    if path == "-":
        yield sys.stdin.buffer, "standard input", None
        return
    path = pathlib.Path(path)
    try:
        file = path.open("rb")
    except OSError as error:
        near = suggest(path.name, [each.name for each in path.parent.glob("*")]) if not path.exists() else ""
        raise CorpusError(f"{path} cannot be read: {error.strerror}{near}") from error
    with file:
        yield file, str(path), path.stat().st_size if path.is_file() else None


def read_whole(path):
    """Return a text.

    Raises:
        CorpusError: If it cannot be read or is not UTF-8.
    """
    from keras_charrnn.text.corpora.pieces import read_pieces

    with open_text(path) as (file, name, _):
        return "".join(read_pieces(file, name))


def given(name, value, raw=False):
    """Return a text that stands on the command line, or in a line of a terminal, without its escapes.

    Args:
        name: What it is, for messages.
        value: As Python has decoded it, whatever the locale.
        raw: Whether a backslash is one, and begins no escape.

    Raises:
        SettingsError: If it is not UTF-8, or an escape is no character.
    """
    from keras_charrnn.common.escapes import unescape
    from keras_charrnn.errors import SettingsError

    try:
        text = value.encode("utf-8", "surrogateescape").decode("utf-8")
        return text if raw else unescape(text)
    except UnicodeError as error:
        raise SettingsError(f"{name} is not UTF-8: byte {error.start}") from error
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error


def note_unknown(vocabulary, text, what):
    """Return in a sentence which characters of a text a vocabulary drops or replaces, the first ten; "" for none."""
    if vocabulary.unknown == "error":  # that is an error, wherever the text is used
        return ""
    unknown = list(dict.fromkeys(itertools.compress(text, ~vocabulary.knows(text))))
    if not unknown:
        return ""
    done = "drops" if vocabulary.unknown == "drop" else "replaces by U+FFFD"
    shown = ", ".join(map(repr, unknown[:10])) + (", …" if len(unknown) > 10 else "")
    return f"{what} has characters that the model does not know, and {done}: {shown}"


def read_text(path, characters):
    """Return the first characters of a text, and whether there are more; little more of it than these is read.

    Raises:
        CorpusError: If it cannot be read, is empty or is not UTF-8.
        SettingsError: If `characters` is below 1.
    """
    from keras_charrnn.errors import CorpusError, SettingsError
    from keras_charrnn.text.corpora.pieces import SIZE, read_pieces

    if characters < 1:
        raise SettingsError(f"the number of characters must be 1 or more; received {characters}")
    text = ""
    with open_text(path) as (file, name, _):
        for piece in read_pieces(file, name, min(SIZE, 4 * (characters + 1))):  # UTF-8 has 4 bytes at most
            text += piece
            if len(text) > characters:
                break
    if not text:
        raise CorpusError(f"{name} is empty; give it some text")
    return text[:characters], len(text) > characters
