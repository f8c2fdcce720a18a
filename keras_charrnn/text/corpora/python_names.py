"""Names in Python's standard library, one a line: short independent lines, there on every machine."""

import ast
import functools
import pathlib
import random
import sysconfig
import warnings

from keras_charrnn.registry import register_corpus
from keras_charrnn.text.corpora.text import from_text

SHORTEST = 3  # letters of a name


@functools.cache
def collect(root):
    """Return all names of three letters or more that the Python files below `root` define, sorted."""
    names = set()
    for path in root.rglob("*.py"):
        if "site-packages" in path.parts or "test" in path.parts:
            continue
        try:
            with warnings.catch_warnings(action="ignore"):  # of escape sequences in old files
                tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                names.add(node.name.strip("_"))
            elif isinstance(node, ast.arg):
                names.add(node.arg.strip("_"))
    return sorted(name for name in names if len(name) >= SHORTEST and name.isascii())


@register_corpus("python_names")
def python_names(max_bytes=None):
    """Names of functions, classes and arguments in the standard library, one a line, in random order."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    names = [*collect(root)]
    random.Random(0).shuffle(names)  # neighbours in the alphabet would be too good a hint
    text = "\n".join(["", *names, ""])
    return from_text("python_names", text[:max_bytes], f"names in {root}")
