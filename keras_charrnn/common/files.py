"""Paths that users give; files that are whole at any moment: written beside their place, flushed, and renamed; and
names of files and of folders with numbers.
"""

import contextlib
import errno
import os
import pathlib
import re
import sys
import time
import unicodedata

from keras_charrnn.errors import RunError, SettingsError, WriteError

_OPENED = re.compile(r"/dev/(stdin|fd/)|/proc/[^/]+/fd/")  # of a process, even where it is a file now
PAUSE = 0.2  # seconds between two looks at a lock
LONGEST_NAME = 180  # bytes in UTF-8: systems take 255, and numbers and endings are added


def user_path(path):
    """Return the path that a user means: `~` and `~user` are home folders where there are such; all else is as it is.

    Raises:
        SettingsError: If nothing can have such a path, or its name is no UTF-8.
    """
    given, path = os.fspath(path), pathlib.Path(path)
    if given.startswith("~"):
        with contextlib.suppress(RuntimeError):  # of ~draft.txt, which is a file: there is no such user
            path = path.expanduser()
    elif str(path).startswith("~"):  # of "./~", where pathlib leaves out the dot
        path = path.absolute()
    try:
        str(path).encode()
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except UnicodeEncodeError as error:
        raise SettingsError(_unreadable(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"{_readable(str(path))} cannot be a path: {reason}") from error
    return path


def _unreadable(path):
    """Return what to say of a path that Python holds as bytes: they are not UTF-8, or it takes them for ASCII."""
    try:
        name = os.fsencode(path).decode("utf-8")
    except UnicodeError:
        return f"the name {_readable(str(path))} is not UTF-8; rename it"
    encoding = sys.getfilesystemencoding()
    return f"Python takes the name {name!r} for {encoding}; set PYTHONUTF8=1 in the environment, or a locale with UTF-8"


def _readable(text):
    """Return a text with \\xe9 for a byte that is not UTF-8, and the like for all that cannot be shown."""
    shown = re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", text)
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)


def existing_part(path):
    """Return the longest leading part of a path that is a folder, a `pathlib.Path`, and the rest, a str."""
    folder, rest = pathlib.Path(path.anchor), list(path.relative_to(path.anchor).parts)
    while rest and (folder / rest[0]).is_dir():
        folder /= rest.pop(0)
    return folder, str(pathlib.Path(*rest))


def is_stream(path):
    """Whether a path can be read but once: "-" for standard input, a pipe, a device, whatever a process has open."""
    if path == "-":
        return True
    path = user_path(path)
    return path.exists() and not path.is_dir() and (bool(_OPENED.match(str(path))) or not path.is_file())


def name_of(path):
    """Return what messages call the path of something to read."""
    return "standard input" if path == "-" else str(path)


@contextlib.contextmanager
def open_bytes(path):
    """Within `with`, have a file, a pipe or, for "-", standard input open for reading bytes.

    Raises:
        OSError: If it cannot be opened.
    """
    if path != "-":
        with user_path(path).open("rb") as file:
            yield file
    elif sys.stdin is None:
        raise OSError(0, "it is closed")
    else:
        yield sys.stdin.buffer


def clean_name(text, otherwise="run"):
    """Return a name for files and folders that is never hidden, nor an option of a command.

    Letters and numbers of any script with their marks, "_", and "-" and "." inside are as they are; each run of
    anything else is one "-".

    Args:
        text: Of which it is made.
        otherwise: The name where nothing is left.
    """
    kept = []
    for each in text:
        kind = unicodedata.category(each)[0]
        if kind in "LN" or each in "_-." or (kind == "M" and kept and kept[-1] not in "-.\0"):
            kept.append(each)
        else:
            kept.append("\0")
    name = re.sub("-*\0[-\0]*", "-", "".join(kept)).strip("-.")
    return name.encode()[:LONGEST_NAME].decode(errors="ignore").strip("-.") or otherwise


def is_name(text):
    """Whether a text is such a name, but for dashes and dots at its end."""
    begins = text.rstrip("-.")
    return bool(begins) and clean_name(begins) == begins and len(text.encode()) <= LONGEST_NAME


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
    """Write a text as UTF-8, whole or not at all; what stands for bytes that are none (PEP 383) as these.

    Raises:
        WriteError: As `write_whole`.
    """
    write_whole(
        path, lambda temporary: temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    )


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
        folder = user_path(output)
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


@contextlib.contextmanager
def waiting_lock(path):
    """Hold a file within `with`, once no other process does; where the file system has no locks, nothing is held.

    Raises:
        OSError: If the file cannot be written.
    """
    with path.open("ab") as file:
        while True:
            try:
                _lock(file)
                break
            except OSError as error:
                if error.errno not in _TAKEN:
                    break
                time.sleep(PAUSE)
        yield


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
