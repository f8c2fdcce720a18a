"""Paths of several runs that answer as one: `A+B`, or a list."""

import os

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
        found = shown = _split(os.fspath(path))
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
            f"{path} is an ensemble, which evaluate, score, sample and write take, and nothing else; give one run"
        )


def _split(text):
    """Return the paths between which there is a "+".

    Each is the longest that is there; else one in a folder whose own path has a "+", so that a misspelt name in it is
    told as one; else what ends at the next "+".
    """
    parts, found = text.split("+"), []
    while parts:
        paths = ["+".join(parts[: end + 1]) for end in range(len(parts))]
        there = [path for path in paths if _is_there(path)][-1:]
        within = [path for path in paths if "+" in (folder := os.path.dirname(path)) and _is_there(folder)]  # noqa: PTH120
        found.append([*there, *within, paths[0]][0])
        del parts[: found[-1].count("+") + 1]
    return found


def _is_there(text):
    # Of `os`, which finds nothing where the text is too long to be a path, and raises nothing.
    return os.path.lexists(os.path.expanduser(text))  # noqa: PTH111
