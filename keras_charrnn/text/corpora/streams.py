"""Texts that can be read but once, from pipes and standard input, made files that can be read again."""

import functools
import hashlib
import os
import pathlib
import shutil
import tempfile

from keras_charrnn.common.files import is_stream, name_of, write_whole
from keras_charrnn.errors import CorpusError, WriteError
from keras_charrnn.text.corpora.opening import open_text
from keras_charrnn.text.corpora.text import Limited, cache_folder


def _folder():
    return cache_folder() / "texts"


def is_kept(path):
    """Whether the file of a path is one that `keep` has made."""
    return pathlib.Path(path).parent == _folder()


def keep(paths, max_bytes=None):
    """Keep each text that can be read but once as a file, named by its checksum, in the user's cache folder.

    Args:
        paths: As of `load`: a path or glob, a list of them, or None.
        max_bytes: Most bytes of each.

    Returns:
        The paths, with those of the files in their places.

    Raises:
        CorpusError: If one cannot be read, is empty, or no text.
        WriteError: If it cannot be kept.
    """
    if paths is None or isinstance(paths, str):
        return _keep(paths, max_bytes) if paths and is_stream(paths) else paths
    return tuple(_keep(each, max_bytes) if is_stream(each) else each for each in paths)


def _keep(path, max_bytes):
    folder, digest = _folder(), hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"{name_of(path)} cannot be kept in {folder}: {error.strerror}; the environment variable "
            "KERAS_CHARRNN_CACHE names another folder"
        ) from error

    def write(temporary):
        with open_text(path) as source, temporary.open("wb") as file:
            shutil.copyfileobj(Limited(source, max_bytes, digest.update), file)
            if not file.tell():
                raise CorpusError(f"{name_of(path)} is empty; give it some text")

    place = folder / f"{os.getpid()}.txt"
    write_whole(place, write)
    return str(place.replace(folder / f"{digest.hexdigest()}.txt"))


def spool(path):
    """Read such a text, and return a function that opens what was read, for use in `with`; it is gone with that.

    Raises:
        CorpusError: If it cannot be read, or is no text.
    """
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 (it is to last as long as the function)
    with open_text(path) as source:
        shutil.copyfileobj(source, file)
    file.flush()
    return functools.partial(_reopen, file)


def _reopen(file):
    return pathlib.Path(file.name).open("rb")
