"""From what a recipe says of its corpus to the text."""

import dataclasses
import functools

from keras_charrnn import registry
from keras_charrnn.common.encodings import AUTO, encoding_name
from keras_charrnn.common.escapes import unescape
from keras_charrnn.common.files import is_stream, name_of
from keras_charrnn.common.template import Template
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.documents import Documents
from keras_charrnn.text.corpora.finding import find
from keras_charrnn.text.corpora.opening import open_text, stem_of
from keras_charrnn.text.corpora.records import kind_of
from keras_charrnn.text.corpora.streams import is_kept, spool
from keras_charrnn.text.corpora.text import Reading, from_files


def load(
    name=None,
    path=None,
    otherwise=(),
    max_bytes=None,
    invalid="error",
    progress=None,
    encoding=AUTO,
    validation=None,
    test=None,
    template=None,
    mark=None,
    shuffle=None,
    documents=False,
):
    """Load a registered corpus, or local files.

    Args:
        name: Of a registered corpus.
        path: In its place, a path, a glob, or a list of them; files are put together in the order given, those of a
            glob in order of path. "-" is standard input.
        otherwise: Names of registered corpora to try, in order, where the first cannot be had.
        max_bytes: Most bytes to take; None for all, which `python_stdlib` takes as 2,000,000.
        invalid: What to do with bytes of local files that their encoding does not allow: "error", or "replace" them by
            U+FFFD.
        progress: Called with the number of bytes of each piece of local files that has been read; None for nobody.
        encoding: Of local files, any of Python's; "auto" for that of the byte-order mark, or UTF-8.
        template: What a record of a table becomes, a str with fields in braces: see `records`. Local files are then
            tables: JSON Lines, or by their endings CSV, TSV and Parquet. None for texts.
        mark: What parts documents within files, a str with the escapes of `common.escapes`; None for their ends alone.
        shuffle: Seed of an order in which records, files and parts of files are put; None for theirs.
        documents: Whether `vocabulary.DOCUMENT` is to stand before each document, which is a record of a table, or a
            file or a part of it between marks, and after the last.
        validation, test: Files of their own for these splits, as `path`; None for none.

    Returns:
        A `Text`, with its `apart`; its `notes` say so where it is not the corpus asked for first.

    Raises:
        CorpusError: If none can be had; the message lists all that was tried, and why each failed.
        RegistryError: If a name is not registered.
        SettingsError: If there is no such encoding, or there can be no such path.
    """
    marks = Documents(unescape(mark or "")) if documents else None
    how = Reading(None, invalid, encoding, template and Template(template), marks, shuffle)
    text = _load_first(name, path, otherwise, max_bytes, how, progress)
    given = {"validation": validation, "test": test}
    own = {split: _load_files(each, how, progress) for split, each in given.items() if each}
    return text.with_apart(own) if own else text


def _load_first(name, path, otherwise, max_bytes, how, progress):
    failures = []
    try:
        if name is None:
            return _load_files(path, dataclasses.replace(how, max_bytes=max_bytes), progress)
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
            return dataclasses.replace(text, notes=(note, *text.notes))
    if len(failures) == 1:
        raise failures[0]
    raise CorpusError("\n".join(map(str, failures))) from failures[0]


def _load_files(patterns, how, progress):
    encoding_name(how.encoding)  # its error before a pipe is read
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    files = []
    for pattern in patterns:
        if is_stream(pattern):
            files.append((name_of(pattern), spool(pattern)))
        else:
            files += [(path, functools.partial(open_text, path)) for path in find(pattern)]
    tables = [] if how.template else [str(path) for path, _ in files if kind_of(path)]
    notes = [f"the text of a pipe is kept for this run in {path}" for path, _ in files if is_kept(path)]
    if len(files) == 1:
        name, source = "text" if notes or is_stream(patterns[0]) else stem_of(files[0][0]), str(files[0][0])
    else:
        name, source = "files", f"{len(files)} files: {', '.join(patterns)}"
    text = from_files(name, files, source, how, progress)
    if tables:
        notes.append(f"{tables[0]} is read as it is; corpus.template would take fields of its records")
    return dataclasses.replace(text, notes=(*notes, *text.notes))
