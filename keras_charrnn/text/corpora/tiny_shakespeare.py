"""Tiny Shakespeare: 40,000 lines of the plays, 1,115,394 characters, the customary corpus for character models."""

import contextlib
import hashlib
import io
import os
import pathlib

from keras_charrnn.common.files import user_path
from keras_charrnn.errors import CorpusError
from keras_charrnn.registry import register_corpus
from keras_charrnn.text.corpora.text import cache_folder, from_bytes

FILE = "tinyshakespeare.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
# The address of TensorFlow's tutorial on text generation with an RNN.
ADDRESS = "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt"
FOLDERS = "KERAS_CHARRNN_CORPORA"


@register_corpus("tiny_shakespeare")
def tiny_shakespeare(max_bytes=None):
    """Tiny Shakespeare, from a folder of $KERAS_CHARRNN_CORPORA, the user's cache, or the network."""
    failures = []
    folders = [folder for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder]
    if not folders:
        failures.append(f"the environment variable {FOLDERS}, which names folders of corpora, is not set")
    for path in [*(user_path(folder) / FILE for folder in folders), cache_folder() / FILE]:
        try:
            return from_bytes("tiny_shakespeare", [(path, _verified(path))], str(path), max_bytes)
        except (OSError, CorpusError) as error:
            failures.append(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
    try:
        path = _download()
        return from_bytes("tiny_shakespeare", [(path, _verified(path))], ADDRESS, max_bytes)
    except Exception as error:  # get_file raises bare Exception for what urllib could not do
        failures.append(f"{ADDRESS}: {error}")
    raise CorpusError(
        "the corpus 'tiny_shakespeare' cannot be had. Tried:\n"
        + "\n".join(f"  - {failure}" for failure in failures)
        + f"\nPut the file {FILE} in a folder and set {FOLDERS} to that folder, or name another corpus in the recipe's "
        "corpus.else, such as shakespeare_plays"
    )


def _verified(path):
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise CorpusError(f"is another text: its sha256 is {found}, not {SHA256}; remove it")
    return data


def _download():
    import keras  # here, for the network is the last resort and the import takes seconds

    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):  # get_file's progress bar, on the channel of our results
        return pathlib.Path(
            keras.utils.get_file(FILE, ADDRESS, cache_dir=str(cache), cache_subdir="", file_hash=SHA256)
        )
