"""A text that the command line names."""

import pathlib
import sys


def read_text(name, characters):
    """Return the first characters of a file, or of standard input for "-", and whether there are more.

    No more of the file is read than these need.

    Raises:
        CorpusError: If it cannot be read, is empty or is not UTF-8.
        SettingsError: If `characters` is below 1.
    """
    from keras_charrnn.corpora.text import from_bytes
    from keras_charrnn.errors import CorpusError, SettingsError

    if characters < 1:
        raise SettingsError(f"the number of characters must be 1 or more; received {characters}")
    most = 4 * (characters + 1)  # bytes, the longest that UTF-8 has for a character
    source = "standard input" if name == "-" else name
    try:
        if name == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with pathlib.Path(name).open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise CorpusError(f"{source} cannot be read: {error.strerror}") from error
    if not data:
        raise CorpusError(f"{source} is empty; give it some text")
    text = from_bytes(source, [(source, data)], source, most).text
    return text[:characters], len(text) > characters or len(data) > most
