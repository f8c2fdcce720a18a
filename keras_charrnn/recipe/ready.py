"""The recipes that come with the package, by their names."""

import itertools
import pathlib
import re

from keras_charrnn.common.files import user_path

_PACKAGE = pathlib.Path(__file__).parents[1]
# Installed they are in the package, from which a checkout has them apart.
FOLDER = next((path for path in (_PACKAGE / "recipes", _PACKAGE.parent / "recipes") if path.is_dir()), None)


def names():
    """Return the names, in alphabetical order."""
    return [] if FOLDER is None else sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(source):
    """Return the path of the recipe that a name stands for; None if it is no name of one, or a file is there."""
    if not isinstance(source, str) or not source.isidentifier() or user_path(source).exists():
        return None
    return FOLDER / f"{source}.yaml" if source in names() else None


def about(name):
    """Return in words what a recipe is, and what to expect of it: (str, str), from the comment at its beginning.

    Without what stands in parentheses there, and the machine.
    """
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    comment = [line[1:] for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    prose = " ".join(each.strip() for each in comment if not each.startswith("  "))  # without its commands
    what, _, rest = prose.partition(". ")
    expected = re.search(
        r"Expect (.*?)(?: on 2 cores.*?)?[.;](?=\s|$)", re.sub(r" \([^()]*(\([^()]*\)[^()]*)*\)", "", rest)
    )
    return what, expected[1] if expected else ""
