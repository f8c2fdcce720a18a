"""Checkpoints: what a run needs to go on exactly where it stopped, each in one file that verifies itself.

A file is a line that names the format, a line with the SHA-256 of the rest, and the rest: NumPy's `.npz` with the
arrays by name and, as an array of bytes, one JSON document of facts. Nothing in it is unpickled, nor uncompressed.
"""

import dataclasses
import hashlib
import io
import json
import pathlib
import re
import warnings
import zipfile

import numpy as np

from keras_charrnn.common.files import write_bytes
from keras_charrnn.errors import RunError

_FAMILY = b"keras_charrnn checkpoint "
FORMAT = _FAMILY + b"1\n"
KEPT = 2
# What NumPy and JSON raise for a file that somebody else made.
_NOT_OURS = (ValueError, TypeError, AttributeError, LookupError, EOFError, OSError, MemoryError, RecursionError)
_NOT_OURS += (zipfile.BadZipFile, NotImplementedError)
_NAME = re.compile(r"step-(\d{9,})\.checkpoint")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What one file holds.

    Attributes:
        facts: A mapping of plain values.
        arrays: {name: array}.
    """

    facts: dict
    arrays: dict

    def group(self, name):
        """Return the list of arrays that were saved as `name`."""
        return [self.arrays[f"{name}/{i}"] for i in range(sum(each.startswith(f"{name}/") for each in self.arrays))]


class Checkpoints:
    """The checkpoints of a run: the last two are kept.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def save(self, step, facts, groups):
        """Write the checkpoint of a step, then remove all but the last two.

        Args:
            step: Of the optimizer.
            facts: A mapping of plain values.
            groups: {name: list of arrays}.

        Raises:
            WriteError: If it cannot be written; the earlier ones are as they were.
        """
        arrays = {f"{name}/{i}": each for name, group in groups.items() for i, each in enumerate(group)}
        write_bytes(self.folder / f"step-{step:09d}.checkpoint", *_pieces(facts, arrays))
        for path in self.paths()[KEPT:]:
            path.unlink(missing_ok=True)

    def put(self, checkpoint):
        """Write a `Checkpoint` that was read elsewhere.

        Raises:
            WriteError: If it cannot be written.
        """
        step = int(checkpoint.arrays["optimizer/0"])
        write_bytes(self.folder / f"step-{step:09d}.checkpoint", *_pieces(checkpoint.facts, checkpoint.arrays))

    def paths(self):
        """Return the files, the newest first."""
        found = [path for path in self.folder.glob("step-*.checkpoint") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(_NAME.fullmatch(path.name)[1]), reverse=True)

    def newest(self):
        """Return the newest checkpoint that verifies; name each damaged one before it in a warning.

        Raises:
            RunError: If there is none.
        """
        paths = self.paths()
        for path in paths:
            try:
                return read(path)
            except RunError as error:
                warnings.warn(f"{error}; an earlier checkpoint is used", stacklevel=2)
        state = "none of the checkpoints can be read" if paths else "there is no checkpoint"
        raise RunError(f"{self.folder}: {state}; the run cannot go on, only start anew")


def read(path):
    """Read a checkpoint.

    Raises:
        RunError: If it cannot be read, or is damaged.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    return from_bytes(content, path)


def to_bytes(facts, arrays):
    """Return the content of a checkpoint's file."""
    return b"".join(_pieces(facts, arrays))


def _pieces(facts, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
    content = buffer.getbuffer()
    return FORMAT, hashlib.sha256(content).hexdigest().encode(), b"\n", content


def from_bytes(content, path):
    """Return the checkpoint of a file's content.

    Args:
        content: Bytes.
        path: Of the file, for messages.

    Raises:
        RunError: If it is damaged.
    """
    if content.startswith(_FAMILY) and not content.startswith(FORMAT):
        number = content[len(_FAMILY) :].partition(b"\n")[0][:20].decode(errors="replace")
        raise RunError(f"{path} is of format {number}, of another version of keras_charrnn; this one reads format 1")
    start = len(FORMAT) + 65
    digest, content = content[len(FORMAT) : start], memoryview(content)[start:]
    if digest != hashlib.sha256(content).hexdigest().encode() + b"\n":
        raise RunError(f"{path} is damaged: its content is not what its checksum says")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if any(each.compress_type != zipfile.ZIP_STORED for each in file.zip.infolist()):
                raise ValueError("it is compressed")
            arrays = dict(file)
        return Checkpoint(dict(json.loads(arrays.pop("facts").tobytes())), arrays)
    except _NOT_OURS as error:
        raise RunError(f"{path} is no checkpoint of this package: {error}") from error
