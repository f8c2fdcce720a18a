"""Files that are whole at any moment: written beside their place, flushed, and renamed; and folders with numbers."""

import contextlib
import errno
import os
import pathlib
import re

from keras_charrnn.errors import RunError, SettingsError, WriteError


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


def make_output(output, name):
    """Make the folder that a command writes to: OUTPUT, new or empty, or where that is None runs/NAME-001, or so on.

    Raises:
        SettingsError: If it cannot be made, or has files in it.
    """
    try:
        if output is None:
            return make_numbered("runs", name)
        folder = pathlib.Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        filled = any(folder.iterdir())
    except OSError as error:
        raise SettingsError(f"the folder {output or 'runs'} cannot be made: {error.strerror}") from error
    if filled:
        raise SettingsError(f"output must be a new or empty folder; {folder} has files in it")
    return folder


# How systems say that another process has a lock; all else says that there are no locks, as on many network drives.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextlib.contextmanager
def lock(path, taken):
    """Hold a file for this process alone, within `with`; the system lets go of it when the process ends, however.

    Args:
        path: Of the file; it is made where there is none.
        taken: What to say where another process holds it.

    Yields:
        What to tell the user, a sentence: where the file system has no locks, nothing is held; "" otherwise.

    Raises:
        RunError: If another process holds it, or the file cannot be written.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise RunError(f"{path.parent} cannot be written to: {error.strerror}") from error
    note = ""
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise RunError(taken) from error
            note = f"the file system of {path.parent} has no locks: see to it that no other process trains there"
        yield note


def _lock(file):
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_temporaries(folder):
    """Remove what writes that were killed have left in a folder: files named .PID.NAME."""
    for each in pathlib.Path(folder).glob(".*.*"):
        if each.name.split(".")[1].isdigit():
            each.unlink(missing_ok=True)
