"""Tables as texts: the records of JSON Lines, CSV, TSV and Parquet, each by a template."""

import csv
import itertools
import json
import pathlib

from keras_charrnn.common.extras import require
from keras_charrnn.common.template import kind
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.opening import ENDINGS

CSV, TSV, PARQUET = ".csv", ".tsv", ".parquet"
KINDS = (".jsonl", ".ndjson", CSV, TSV, PARQUET)
SIZE = 2**20  # bytes that are read at once
DECODER = json.JSONDecoder()
ROWS = 1024  # of a Parquet file that are read at once
csv.field_size_limit(2**31 - 1)  # a field is a text, of any length


def kind_of(path):
    """Return the kind of table that a file is, by its ending, or the one before that of its packing; None for none."""
    path = pathlib.PurePath(path)
    suffix = pathlib.PurePath(path.stem).suffix if path.suffix in ENDINGS else path.suffix
    return suffix.lower() if suffix.lower() in KINDS else None


def render(pieces, path, template, is_cut=lambda: False):
    """Yield the texts of the records of a file, in order. What is neither CSV nor TSV by its ending is JSON Lines.

    Args:
        pieces: Iterable of the file's text, str with line ends "\\n".
        path: Of the file.
        template: A `Template`.
        is_cut: Says whether the pieces end before the file does, within a record, which is left out then.

    Raises:
        CorpusError: If a record is not what it should be; with its number and line.
    """
    lines, delimiter = _lines(pieces, is_cut), {CSV: ",", TSV: "\t"}.get(kind_of(path))
    for record, where in _json(lines, path) if delimiter is None else _csv(lines, path, delimiter, is_cut):
        yield template.fill(record, where)


def _lines(pieces, is_cut):
    """Yield the lines of a text, each with its end; not the last one where it is cut."""
    rest = []
    for piece in pieces:
        *lines, last = piece.split("\n")
        for line in lines:
            yield "".join((*rest, line, "\n")) if rest else f"{line}\n"
            rest = []
        rest.append(last)
    if any(rest) and not is_cut():
        yield "".join(rest)


class _Place:
    """Which record of a file is being read; put into words for messages alone, for there may be millions of them."""

    def __init__(self, path):
        self._path, self.record, self.line = path, 0, 0

    def __str__(self):
        return f"{self._path}, record {self.record} (line {self.line})"


def _json(lines, path):
    """Yield (record, what it is) of each line."""
    where = _Place(path)
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line:
            continue
        where.record, where.line = where.record + 1, number
        try:
            record, end = DECODER.raw_decode(line)  # `json.loads` takes a third longer
            if end != len(line):
                raise json.JSONDecodeError("Extra data", line, end)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{where} is no JSON: {getattr(error, 'msg', 'nested too deep')}") from error
        if not isinstance(record, dict):
            raise CorpusError(f"{where} is {kind(record)}, not an object; each line is to be one, as {{…}}")
        yield record, where


def _csv(lines, path, delimiter, is_cut):
    """Yield (record, what it is) of each row, whose fields the first one names."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)

    def read():
        try:
            return next(reader, None)
        except csv.Error as error:
            if is_cut() and next(lines, None) is None:  # within this record
                return None
            raise CorpusError(f"{path}, line {reader.line_num}, is no CSV: {error}") from error

    names = read() or []
    for count in itertools.count(1):
        where = f"{path}, record {count} (line {reader.line_num + 1})"
        row = read()
        if row is None:
            return
        if row and len(row) != len(names):
            raise CorpusError(f"{where} has {len(row)} fields, and the first line names {len(names)}")
        if row:
            yield dict(zip(names, row, strict=True)), where


def render_parquet(path, template, watch=None):
    """Yield the texts of the records of a Parquet file, in order; some are in memory at a time.

    Args:
        path, template: As of `render`.
        watch: Called with the bytes of the file, piece by piece, before any record; None for nobody.

    Raises:
        ExtraError: If PyArrow is not installed.
        CorpusError: As `render`.
    """
    parquet = require("pyarrow.parquet", "Parquet needs PyArrow; install it with", "parquet")
    arrow = require("pyarrow", "Parquet needs PyArrow; install it with", "parquet")
    if watch is not None:
        with pathlib.Path(path).open("rb") as file:
            while data := file.read(SIZE):
                watch(data)
    try:
        file, number = parquet.ParquetFile(path), 0
        names = file.schema_arrow.names
        for batch in file.iter_batches(ROWS, columns=[name for name in names if name in template.fields]):
            for record in batch.to_pylist():
                number += 1
                if not record.keys() >= {*template.fields}:  # for the message
                    record = dict.fromkeys(names) | record
                yield template.fill(record, f"{path}, record {number}")
    except (arrow.ArrowException, OSError) as error:
        raise CorpusError(f"{path} cannot be read as Parquet: {error}") from error
