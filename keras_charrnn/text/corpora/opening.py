"""A text as bytes, wherever it is: what is compressed is unpacked on the way, and what is no text is refused.

Both are told by the first bytes, whatever the name.
"""

import bz2
import concurrent.futures
import contextlib
import gzip
import lzma
import pathlib
import re
import unicodedata
import zlib

from keras_charrnn.common.files import is_stream, name_of, open_bytes, user_path
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CorpusError

HEAD = 4096  # bytes that tell what a file is
BLOCK = 2**19  # bytes that are unpacked ahead
PACKED = {
    "gzip": (re.compile(rb"\x1f\x8b\x08"), gzip.open),
    "bzip2": (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), bz2.open),
    "xz": (re.compile(rb"\xfd7zXZ\0"), lzma.open),
}
ENDINGS = (".gz", ".bz2", ".xz")
_SAVE = "save it as plain text"
_MADE = f"{_SAVE} with the program that made it"
_WRITE = "write the text in it to a file"
# What is no text itself, by its first bytes: what it is, and what to do.
_OTHERS = [
    (re.compile(begins, re.DOTALL), what, advice)
    for begins, what, advice in (
        (rb"PK\x03\x04.{26}mimetypeapplication/epub", "an EPUB book", f"{_SAVE}, for instance with `pandoc -t plain`"),
        (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", "an OpenDocument file", _MADE),
        (rb"PK\x03\x04.*\[Content_Types\]\.xml", "a Word, Excel or PowerPoint file", _MADE),
        (rb"PK(\x03\x04|\x05\x06)", "a zip archive", "unpack it with `unzip`"),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word, Excel or PowerPoint file", _MADE),
        (rb"%PDF-", "a PDF file", f"{_SAVE}, for instance with `pdftotext`"),
        (rb"\{\\rtf", "an RTF file", _MADE),
        (rb"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it with `zstd -d`"),
        (rb"\x04\x22\x4d\x18", "packed by lz4", "unpack it with `lz4 -d`"),
        (rb"\x1f\x9d", "packed by compress", "unpack it with `gzip -d`"),
        (rb"\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0", "packed once more", "unpack it until the text itself is left"),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with `7z x`"),
        (rb"Rar!\x1a\x07", "a rar archive", "unpack it with `unrar x`"),
        (rb".{257}ustar", "a tar archive", "unpack it with `tar -xf`"),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF.{4}WEBP", "a picture", "take a text"),
        (rb"ID3[\x02-\x04]\0|OggS\0|fLaC\0|RIFF.{4}WAVE|\0{3}.ftyp", "sound or a film", "take a text"),
        (rb"\x93NUMPY", "an array of NumPy", _WRITE),
        (rb"\x89HDF\r\n", "an HDF5 file", _WRITE),
        (rb"SQLite format 3\0", "an SQLite database", _WRITE),
        (rb"PAR1[\0-\x1f]", "a table of Parquet", "name it .parquet, and its fields by corpus.template in the recipe"),
        (rb"ARROW1\0\0", "a table of Arrow", "save it as Parquet"),
        (rb"\x7fELF", "a program", "take a text"),
        (rb"version https://git-lfs\.github\.com/spec/", "a pointer of Git LFS", "fetch it with `git lfs pull`"),
    )
]
_ADDRESS = re.compile(r"(^|/)(https?|ftp|s3|gs|hf|file):/")


class Begun:
    """A file of bytes whose first ones can be looked at before they are read.

    Args:
        file: Has `read(size)`.
        what: Its name, for messages.
        size: How many bytes there are; None where that is not known.
    """

    def __init__(self, file, what, size=None):
        self._file, self._what, self._seen, self.size = file, what, b"", size

    def look(self, size):
        """Return the next bytes: so many, or all that are left."""
        while len(self._seen) < size and (data := self._read(size - len(self._seen))):
            self._seen += data
        return self._seen[:size]

    def read(self, size):
        """Return the next bytes, at most so many; none at the end.

        Raises:
            CorpusError: If they cannot be read, or what is unpacked to them is damaged.
        """
        if not self._seen:
            return self._read(size)
        data, self._seen = self._seen[:size], self._seen[size:]
        return data

    def _read(self, size):
        try:
            return self._file.read(size)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise CorpusError(f"{self._what} is damaged, or a part of it is missing: {error}") from error
        except OSError as error:
            if error.errno is None:  # what gzip and bz2 raise
                raise CorpusError(f"{self._what} is damaged: {error}") from error
            raise CorpusError(f"{self._what} cannot be read: {error.strerror}") from error


class Ahead:
    """A file that a thread reads ahead, a block at a time: what is packed is unpacked while the text is looked at.

    Args:
        file: Has `read(size)`.

    Use it within `with`, at whose end the thread has ended.
    """

    def __init__(self, file):
        self._file, self._data = file, memoryview(b"")
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._next = self._thread.submit(file.read, BLOCK)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._thread.shutdown(cancel_futures=True)

    def read(self, size):
        """Return the next bytes, at most so many; none at the end. What the file raises comes from here."""
        if not self._data:
            self._data = memoryview(self._next.result())
            if self._data:
                self._next = self._thread.submit(self._file.read, BLOCK)
        data, self._data = self._data[:size], self._data[size:]
        return bytes(data)


@contextlib.contextmanager
def open_text(path):
    """Within `with`, have the bytes of a text: a `Begun`.

    Args:
        path: Of a file, plain or packed by gzip, bzip2 or xz; of a pipe; or "-" for standard input.

    Raises:
        CorpusError: If it cannot be opened, or its first bytes are those of something else than a text.
    """
    what = name_of(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open_bytes(path))
        except OSError as error:
            raise CorpusError(f"{what} cannot be read: {error.strerror}{near(path)}") from error
        file = Begun(file, what, None if is_stream(path) else user_path(path).stat().st_size)
        head = file.look(HEAD)
        packed = next((name for name, (begins, _) in PACKED.items() if begins.match(head)), "")
        if packed:
            file = Begun(stack.enter_context(Ahead(PACKED[packed][1](file))), what)
            head = file.look(HEAD)
        for begins, kind, advice in _OTHERS:
            if begins.match(head):
                within = f", packed by {packed}" if packed else ""
                raise CorpusError(f"{what} is {kind}{within}, not a plain text; {advice}")
        yield file


def near(path):
    """Return what may be meant by the path of a file that is missing, to follow a message of it; "" for nothing."""
    path = user_path(path)
    if path.exists():
        return ""
    if path.is_symlink():
        return f": it is a link to {path.readlink()}, which is not there"
    if _ADDRESS.search(str(path)):
        return "; download what has an address, and name the file"
    if not path.parent.is_dir():
        return ""
    names = [each.name for each in path.parent.iterdir()]
    alike = [each for each in names if _composed(each) == _composed(path.name)]
    return f", but one that is written {alike[0]!a}" if alike else suggest(path.name, names)


def _composed(name):
    """Return a name in the one form of all that look the same: an é may be one character, or two."""
    return unicodedata.normalize("NFC", name)


def stem_of(path):
    """Return the name of a file without its ending, and without that of what it is packed by."""
    path = pathlib.PurePath(path)
    return pathlib.PurePath(path.stem).stem if path.suffix in ENDINGS else path.stem
