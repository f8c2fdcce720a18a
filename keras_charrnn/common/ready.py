"""What comes with the package and has a name: recipes, and trained models."""

import functools
import hashlib
import itertools
import json
import pathlib
import re

from keras_charrnn.common.files import user_path
from keras_charrnn.errors import RunError

_PACKAGE = pathlib.Path(__file__).parents[1]
# Installed, the recipes are in the package, from which a checkout has them apart.
RECIPES = next((path for path in (_PACKAGE / "recipes", _PACKAGE.parent / "recipes") if path.is_dir()), None)
MODELS = _PACKAGE / "runs" / "ready"


def recipes():
    """Return the names of the recipes, in alphabetical order."""
    return [] if RECIPES is None else sorted(path.stem for path in RECIPES.glob("*.yaml"))


def find_recipe(source):
    """Return the path of the recipe that a name stands for; None if it is no name of one, or a file is there."""
    return RECIPES / f"{source}.yaml" if _is_name(source) and source in recipes() else None


def about_recipe(name):
    """Return in words what a recipe is, and what to expect of it: (str, str), from the comment at its beginning.

    Without what stands in parentheses there, and the machine.
    """
    lines = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    comment = [line[1:] for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    prose = " ".join(each.strip() for each in comment if not each.startswith("  "))  # without its commands
    what, _, rest = prose.partition(". ")
    rest = re.sub(r" \([^()]*(\([^()]*\)[^()]*)*\)", "", rest)
    expected = re.search(r"Expect (.*?)(?: on 2 cores.*?)?[.;](?=\s|$)", rest)
    return what, expected[1] if expected else ""


@functools.cache
def models():
    """Return {name: facts} of the models: corpus, its checksum, loss, how it was measured, and the commands."""
    index = MODELS / "index.json"
    return json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}


def find_model(source):
    """Return the path of the model that a name stands for; None if it is no name of one, or a file is there.

    Raises:
        RunError: If its file is damaged or missing.
    """
    if not (_is_name(source) and source in models()):
        return None
    path = MODELS / f"{source}.keras"
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        found = ""
    if found != models()[source]["sha256"]:
        raise RunError(f"the model {source!r} of the package, {path}, is damaged; install keras-charrnn again")
    return path


def _is_name(source):
    return isinstance(source, str) and source.isidentifier() and not user_path(source).exists()
