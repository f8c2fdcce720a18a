"""Character-level recurrent language models in Keras: recipes, plugin cells, a fast loop.

The public names are imported at their first use, so that `import keras_charrnn` is quick and does not need TensorFlow.
"""

import importlib
import sys

from keras_charrnn.common.importing import NearestName, PublicNames, suggest, uncollected
from keras_charrnn.common.keras_settings import BeforeKeras

__version__ = "0.2.0"

# Where in the house each public class and function is,
_HOMES = {
    "CharRNN": "model",
    "GatedCell": "cells",
    "LinearCell": "cells",
    "Muon": "training.muon",
    "RecurrentCell": "cells",
    "Recurrent": "layers",
    "Vocabulary": "text.vocabularies",
    "linear_recurrence": "engine.recurrence",
    "register_cell": "registry",
    "register_corpus": "registry",
    "register_sampler": "model.sampling",
    "register_vocabulary": "text.vocabularies",
    "read_recipe": "recipe",
    "Run": "runs",
    "load": "runs",
    "evaluate": "runs.measures",
    "advise": "views.advice",
    "memorization": "text.verbatim",
    "compare": "studies.comparison",
    "tune": "studies.tuning",
    "fit": "training",
    "resume": "training",
}
# each public module,
_MODULES = {
    "callbacks": "training.callbacks",
    "cells": "cells",
    "corpora": "text.corpora",
    "errors": "errors",
    "export": "model.export",
    "inspection": "views.inspection",
    "layers": "layers",
    "recipe": "recipe",
    "registry": "registry",
    "report": "views.report",
    "samplers": "model.sampling",
    "testing": "testing",
    "vocabularies": "text.vocabularies",
    "windows": "text.windows",
}
# and each that users of 0.1.0 may have imported from `keras_charrnn` itself.
_EARLIER = {
    "advice": "views.advice",
    "checkpoints": "runs.checkpoints",
    "comparison": "studies.comparison",
    "compute": "engine.compute",
    "encoding": "text.encoding",
    "evaluation": "model.evaluation",
    "generation": "model.generation",
    "measures": "runs.measures",
    "optimization": "training.optimization",
    "recurrence": "engine.recurrence",
    "tuning": "studies.tuning",
    "verbatim": "text.verbatim",
    "vocabulary": "text.vocabularies",
}
# What imports Keras.
_ON_KERAS = ("engine", "cells", "layers", "model", "testing", "training", "text.windows", "views.inspection")

__all__ = [*_HOMES, *_MODULES]

_moved = {name: home for name, home in {**_MODULES, **_EARLIER}.items() if name != home}
sys.meta_path.insert(0, PublicNames(__name__, _moved))
sys.meta_path.insert(0, BeforeKeras(f"{__name__}.{name}" for name in _ON_KERAS))
sys.meta_path.append(NearestName(__name__))


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{suggest(name, __all__)}")
    with uncollected():
        module = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    if name in _MODULES:
        return module
    value = module.read if name == "read_recipe" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
