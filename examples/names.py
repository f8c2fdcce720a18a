"""Short independent lines: a model that invents names for functions, from those in Python's standard library.

    python examples/names.py

Makes the list of all names that the standard library gives to functions, classes and arguments, one a line in random
order, trains `recipes/names.yaml` on it and prints names that are on no line of it. The recipe takes the list from
here, as a corpus of a plugin, so that `keras-charrnn train recipes/names.yaml` does the same. Its `states.reset: line`
lets every name be read from nothing: what stands on the lines before does not matter.
"""

import argparse
import ast
import functools
import pathlib
import random
import sysconfig
import warnings

import keras_charrnn

RECIPE = pathlib.Path(__file__).parents[1] / "recipes" / "names.yaml"


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
    return sorted(name for name in names if len(name) > 2 and name.isascii())


@keras_charrnn.register_corpus("python_names")
def python_names(max_bytes=None):
    """Names of functions, classes and arguments in Python's standard library, one a line."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    names = [*collect(root)]
    random.Random(0).shuffle(names)  # neighbours in the alphabet would be too good a hint
    text = "\n".join(["", *names, ""])
    return keras_charrnn.corpora.from_text("python_names", text[:max_bytes], f"names in {root}")


def invent(model, known, count):
    """Return up to `count` names from a model that are not among the known ones."""
    texts = model.generate("\n", 40, num_samples=4 * count, stop="\n", seed=0)
    made = dict.fromkeys(text.removeprefix("\n") for text in texts)  # each once, in order
    return [name for name in made if name not in known][:count]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in model.units=64")
    parser.add_argument("--count", type=int, default=20, help="names to print")
    options = parser.parse_args()
    run = keras_charrnn.fit(RECIPE, dict(map(keras_charrnn.recipe.parse_override, options.overrides)))
    known = set(keras_charrnn.corpora.load(name="python_names").text.split())  # the plugin keeps what it has collected
    print(f"{len(known):,} names in the standard library; names not among them:")
    print(*(f"    {name}" for name in invent(run.model, known, options.count)), sep="\n")
