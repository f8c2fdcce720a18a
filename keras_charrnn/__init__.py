"""Character-level recurrent language models in Keras: recipes, plugin cells, a fast loop.

The public names are imported at their first use, so that `import keras_charrnn` is quick and does not need TensorFlow.
"""

import importlib

from keras_charrnn.importing import uncollected

__version__ = "0.1.0"

_HOMES = {
    "CharRNN": "model",
    "GatedCell": "cells",
    "LinearCell": "cells",
    "RecurrentCell": "cells",
    "Recurrent": "layers",
    "Vocabulary": "vocabulary",
    "linear_recurrence": "recurrence",
    "register_cell": "registry",
    "register_corpus": "registry",
    "read_recipe": "recipe",
    "Run": "runs",
    "load": "runs",
    "evaluate": "measures",
    "advise": "advice",
    "memorization": "verbatim",
    "compare": "comparison",
    "tune": "tuning",
    "fit": "training",
    "resume": "training",
}
_MODULES = (
    "callbacks",
    "cells",
    "corpora",
    "errors",
    "export",
    "inspection",
    "layers",
    "recipe",
    "registry",
    "report",
    "testing",
    "windows",
)

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        module = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    if name in _MODULES:
        return module
    value = module.read if name == "read_recipe" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
