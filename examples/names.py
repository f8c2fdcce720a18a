"""Short independent lines: a model that invents names for functions, from those in Python's standard library.

    python examples/names.py

Trains `recipes/names.yaml` on the corpus `python_names`, all names that the standard library gives to functions,
classes and arguments, one a line in random order, and prints names that are on no line of it. The recipe's
`states.reset: line` lets every name be read from nothing: what stands on the lines before does not matter.
"""

import argparse
import pathlib

import keras_charrnn

RECIPE = pathlib.Path(__file__).parents[1] / "recipes" / "names.yaml"


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
    known = set(keras_charrnn.corpora.load(name="python_names").text.split())
    print(f"{len(known):,} names in the standard library; names not among them:")
    print(*(f"    {name}" for name in invent(run.model, known, options.count)), sep="\n")
