"""From what a recipe says of its corpus to the text."""

import dataclasses
import functools
import glob
import pathlib

from keras_charrnn import registry
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.text import from_files


def load(name=None, path=None, otherwise=(), max_bytes=None, invalid="error", progress=None):
    """Load a registered corpus, or local files.

    Args:
        name: Of a registered corpus.
        path: In its place, a path, a glob, or a list of them; files are put together in the order given, those of a
            glob in order of path.
        otherwise: Names of registered corpora to try, in order, where the first cannot be had.
        max_bytes: Most bytes to take; None for all, which `python_stdlib` takes as 2,000,000.
        invalid: What to do with bytes of local files that are not UTF-8: "error", or "replace" them by U+FFFD.
        progress: Called with the number of bytes of each piece of local files that has been read; None for nobody.

    Returns:
        A `Text`; its `note` says so where it is not the corpus asked for first.

    Raises:
        CorpusError: If none can be had; the message lists all that was tried, and why each failed.
        RegistryError: If a name is not registered.
    """
    failures = []
    try:
        if name is None:
            return _load_files(path, max_bytes, invalid, progress)
        return registry.corpora.get(name)(max_bytes=max_bytes)
    except CorpusError as error:
        failures.append(error)
    for each in otherwise:
        try:
            text = registry.corpora.get(each)(max_bytes=max_bytes)
        except CorpusError as error:
            failures.append(error)
        else:
            reason = str(failures[0]).partition(". Tried:")[0].splitlines()[0]
            note = f"using {each} instead of {name or path}: {reason}"
            return dataclasses.replace(text, note=note)
    if len(failures) == 1:
        raise failures[0]
    raise CorpusError("\n".join(map(str, failures))) from failures[0]


def _load_files(patterns, max_bytes, invalid, progress):
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    paths = [path for pattern in patterns for path in _expand(pattern)]
    for path in paths:
        if not path.stat().st_size:
            raise CorpusError(f"{path} is empty; give it some text, or leave it out")
    source = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files: {', '.join(patterns)}"
    name = pathlib.Path(patterns[0]).stem if len(paths) == 1 else "files"
    files = [(path, functools.partial(path.open, "rb")) for path in paths]
    return from_files(name, files, source, max_bytes, invalid, progress)


def _expand(pattern):
    path = pathlib.Path(pattern).expanduser()
    if path.is_dir():
        raise CorpusError(f"{path} is a folder; write {path}/*.txt for the texts in it")
    if path.is_file():
        return [path]
    found = [pathlib.Path(each) for each in sorted(glob.glob(str(path), recursive=True))]
    found = [each for each in found if each.is_file()]
    if not found:
        near = suggest(path.name, [each.name for each in path.parent.glob("*")] if path.parent.is_dir() else [])
        what = "no file matches" if glob.has_magic(pattern) else "there is no file"
        raise CorpusError(f"{what} {path}{near}")
    return found
