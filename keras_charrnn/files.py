"""Files that are whole at any moment: written beside their place, flushed, and renamed; and folders with numbers."""

import os
import pathlib
import re

from keras_charrnn.errors import WriteError


def write_whole(path, write):
    """Have `write(temporary)` make a file, and put it in its place.

    Args:
        path: The place.
        write: Called with the path of a temporary file in the same folder, with the same ending.

    Raises:
        WriteError: If it cannot be written, for want of space or of leave; what was there before still is.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        with temporary.open("rb+") as file:  # a name must not reach the disk before what it stands for
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text as UTF-8, whole or not at all.

    Raises:
        WriteError: As `write_whole`.
    """
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))


def write_bytes(path, *pieces):
    """Write bytes, one piece after another, whole or not at all.

    Raises:
        WriteError: As `write_whole`.
    """

    def write(temporary):
        with temporary.open("wb") as file:
            file.writelines(pieces)

    write_whole(path, write)


def make_numbered(parent, name):
    """Make the folder PARENT/NAME-001, or the next number that is free, and return its path.

    Raises:
        OSError: If it cannot be made.
    """
    parent = pathlib.Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    taken = (re.fullmatch(rf"{re.escape(name)}-(\d+)", each.name) for each in parent.iterdir())
    number = max((int(match[1]) for match in taken if match), default=0) + 1
    while True:
        path = parent / f"{name}-{number:03d}"
        try:
            path.mkdir()
            return path
        except FileExistsError:  # another process was faster
            number += 1


def remove_temporaries(folder):
    """Remove what writes that were killed have left in a folder: files named .PID.NAME."""
    for each in pathlib.Path(folder).glob(".*.*"):
        if each.name.split(".")[1].isdigit():
            each.unlink(missing_ok=True)
