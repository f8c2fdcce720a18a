"""A text that the command line gives, or names: a file, a pipe, or "-" for standard input."""


def add_encoding(parser):
    """Add the argument of all commands that take a text."""
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        default="auto",
        help="of the text, as in cp1252 (default: what its byte-order mark says, or UTF-8)",
    )


def encoding_for(source, asked):
    """Return in which encoding to read a text for a model, where "auto" was asked for: that of its unit of text.

    Args:
        source: A model, a `Run`, or `runs.sources.Members`.
        asked: What the command line says.
    """
    return asked if asked != "auto" else getattr(source, "model", source).vocabulary.encoding


def reading_for(source, path, asked):
    """Return the arguments with which `corpora.load` reads a text for a model, a table as its run reads its own.

    Args:
        source, asked: As of `encoding_for`.
        path: Of the text.
    """
    from keras_charrnn.runs.folder import RunFolder
    from keras_charrnn.runs.sources import runs_and_model
    from keras_charrnn.text.corpora.records import kind_of

    runs, _ = runs_and_model(source)
    how = {"encoding": encoding_for(source, asked)}
    if runs and kind_of(path):
        recipe = RunFolder.open(runs[0].folder).read_recipe(runs[0].plugins)
        if recipe.corpus.template is not None:
            how |= {"template": recipe.corpus.template, "documents": recipe.states.reset == "document"}
    return how


def read_whole(path, encoding="auto"):
    """Return a text.

    Raises:
        CorpusError: If it cannot be read, is no text, or neither UTF-8 nor what its byte-order mark says.
    """
    from keras_charrnn.common.files import name_of
    from keras_charrnn.text.corpora.opening import open_text
    from keras_charrnn.text.corpora.pieces import read_pieces

    with open_text(path) as file:
        return "".join(read_pieces(file, name_of(path), encoding=encoding))


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


def read_text(path, characters, encoding):
    """Return the first characters of a text, and whether there are more; little more of it than these is read.

    Raises:
        CorpusError: If it cannot be read, is empty, no text, or not in its encoding.
        SettingsError: If `characters` is below 1, or there is no such encoding.
    """
    from keras_charrnn.common.files import name_of
    from keras_charrnn.errors import CorpusError, SettingsError
    from keras_charrnn.text.corpora.opening import open_text
    from keras_charrnn.text.corpora.pieces import SIZE, read_pieces

    if characters < 1:
        raise SettingsError(f"the number of characters must be 1 or more; received {characters}")
    text, name = "", name_of(path)
    with open_text(path) as file:
        # No encoding has more than 4 bytes for a character.
        for piece in read_pieces(file, name, min(SIZE, 4 * (characters + 1)), encoding=encoding):
            text += piece
            if len(text) > characters:
                break
    if not text:
        raise CorpusError(f"{name} is empty; give it some text")
    return text[:characters], len(text) > characters
