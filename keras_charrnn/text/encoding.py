"""A text into ids: in memory, or, where it is long, in a file that all runs share."""

import concurrent.futures
import hashlib
import inspect
import json
import sys
import time
import warnings

import numpy as np

from keras_charrnn import registry
from keras_charrnn.common.files import waiting_lock, write_whole
from keras_charrnn.errors import WriteError
from keras_charrnn.text.corpora import cache_folder
from keras_charrnn.text.vocabularies import config_of

LONGEST = 2**25  # characters of a text whose ids are kept in memory
FORMAT = b"keras_charrnn ids 1\n"
DIGEST = 64  # characters of a SHA-256
REOPENED = 2**12  # reads after which the pages that have been read are given back


def encode(text, vocabulary, progress=None, longest=LONGEST):
    """Return the ids of a text.

    Those of a long one are kept in the folder `ids` of the user's folder for corpora, in a file that is made once, by
    whoever comes first, and verified whenever it is used.

    Args:
        text: A `corpora.Text`.
        vocabulary: A `Vocabulary`.
        progress: Called with the number of characters of each piece that has been encoded; None for nobody.
        longest: Most characters of a text whose ids are kept in memory.

    Returns:
        An array, or `StoredIds`, of the vocabulary's type.

    Raises:
        VocabularyError: If the text has a character that the vocabulary lacks and does not drop or replace.
        WriteError: If the file cannot be written.
    """
    pieces = _encode(text, vocabulary, progress)
    if text.characters <= longest:
        return np.concatenate([*pieces, np.zeros(0, vocabulary.dtype)])
    folder = cache_folder() / "ids"
    # Of two encodings with the same symbols, one may be the other in another order.
    made_of = json.dumps([text.sha256, text.encoding, text.characters, config_of(vocabulary), *text.form])
    made_of += _source_of(vocabulary)
    path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.ids"
    if path.is_file():
        if _verifies(path):
            return StoredIds(path, vocabulary.dtype)
        warnings.warn(f"{path} is damaged; it is made anew", stacklevel=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with waiting_lock(folder.with_suffix(".lock")):  # of several processes one makes it, and the others wait
            if not (path.is_file() and _verifies(path)):
                write_whole(path, lambda temporary: _write(temporary, pieces))
    except OSError as error:
        raise WriteError(
            f"the ids of the text cannot be kept in {folder}: {error}; the environment variable KERAS_CHARRNN_CACHE "
            "names another folder"
        ) from error
    return StoredIds(path, vocabulary.dtype)


def _encode(text, vocabulary, progress):
    for piece, ids in vocabulary.encode_pieces(text.pieces(), text.source):
        yield ids
        if progress is not None:
            progress(len(piece))


def _source_of(vocabulary):
    """Return the program of a vocabulary that is not this package's: it may have been changed meanwhile."""
    if registry.vocabularies.plugin_of(type(vocabulary)) is None:
        return ""
    try:
        return inspect.getsource(sys.modules[type(vocabulary).__module__])
    except (OSError, TypeError):  # of an interactive session
        return str(time.time())


def _write(path, pieces):
    digest = hashlib.sha256()
    with path.open("wb") as file, concurrent.futures.ThreadPoolExecutor(1) as thread:
        file.write(FORMAT + b"0" * DIGEST)
        digested = thread.submit(digest.update, b"")
        for piece in pieces:
            file.write(piece)
            digested.result()
            digested = thread.submit(digest.update, piece)  # while the next one is made
        digested.result()
        file.seek(len(FORMAT))
        file.write(digest.hexdigest().encode())


def _verifies(path):
    with path.open("rb") as file:
        if file.read(len(FORMAT)) != FORMAT:
            return False
        said = file.read(DIGEST)
        return hashlib.file_digest(file, "sha256").hexdigest().encode() == said


class StoredIds:
    """Ids in a file, to be read like an array of one dimension; a slice of them is another one of the same kind.

    What has been read does not stay in memory: the file is mapped anew after some thousand reads.

    Args:
        path: Of a file that `encode` made.
        dtype: Of the ids.
        start, stop: The part of the file.
    """

    def __init__(self, path, dtype, start=0, stop=None):
        self.path, self.dtype, self.start = path, np.dtype(dtype), start
        self.stop = len(self._map()) if stop is None else stop
        self._mapped, self._reads = None, 0

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, places):
        if isinstance(places, slice):
            start, stop, step = places.indices(len(self))
            if step != 1:
                raise IndexError("stored ids have slices of step 1 only")
            return StoredIds(self.path, self.dtype, self.start + start, self.start + max(start, stop))
        if self._reads % REOPENED == 0:
            self._mapped = self._map()
        self._reads += 1
        places = np.asarray(places)
        if places.size and not (places.min() >= 0 and places.max() < len(self)):
            raise IndexError(f"ids from 0 to {len(self) - 1} are there; asked for {places.min()} to {places.max()}")
        return np.asarray(self._mapped[places + self.start])

    def __array__(self, dtype=None, copy=None):
        return np.array(self._map()[self.start : self.stop], dtype)

    def _map(self):
        return np.memmap(self.path, self.dtype, "r", offset=len(FORMAT) + DIGEST)
