"""Several paths in one text, with a "+" between them."""

import os


def separate(text, folder=""):
    """Return the paths between which there is a "+" in a text, a list.

    Each is the longest that is there; else one in a folder whose own path has a "+", so that a misspelt name in it is
    told as one; else what ends at the next "+".

    Args:
        text: As a user writes it.
        folder: From which the paths start.
    """
    parts, found = text.split("+"), []

    def is_there(path):
        # Of `os`, which finds nothing where the text is too long to be a path, and raises nothing.
        return bool(path) and os.path.lexists(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH111, PTH118

    while parts:
        paths = ["+".join(parts[: end + 1]) for end in range(len(parts))]
        there = [path for path in paths if is_there(path)][-1:]
        within = [path for path in paths if "+" in (above := os.path.dirname(path)) and is_there(above)]  # noqa: PTH120
        found.append([*there, *within, paths[0]][0])
        del parts[: found[-1].count("+") + 1]
    return found
