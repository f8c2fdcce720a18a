"""Paths of several runs that answer as one: `A+B`, or a list."""

import os

from keras_charrnn.common.joined import separate
from keras_charrnn.errors import SettingsError


def members_of(path):
    """Return the paths of an ensemble's members; None for the path of one run or file.

    Args:
        path: A list of paths; or one, in which "+" stands between those of the members. A name that has a "+" itself is
            taken as a whole where there is such a file or folder.

    Raises:
        SettingsError: If it has fewer than two members, or one of them twice.
    """
    if isinstance(path, list | tuple):
        found, shown = [os.fspath(each) for each in path], list(map(str, path))
    else:
        found = shown = separate(os.fspath(path))
        if len(found) == 1:
            return None
    if len(found) < 2 or "" in found:
        raise SettingsError(
            f"{'+'.join(shown) or path} is no ensemble: it takes two runs or more, as in runs/my-001+runs/my-002"
        )
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise SettingsError(f"an ensemble has each of its members once; {twice} is there twice")
    return found


def require_one(path):
    """Raise a SettingsError if a path names several runs, to what takes one."""
    if members_of(path) is not None:
        raise SettingsError(
            f"{path} is an ensemble, which evaluate, score, sample, write, serve and teacher.from take, and "
            "nothing else; give one run"
        )
