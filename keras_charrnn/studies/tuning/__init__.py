"""A search over keys of a recipe: each trial an ordinary run, those that fall behind ended early."""

from keras_charrnn.studies.tuning.results import Search, Trial
from keras_charrnn.studies.tuning.tuning import tune

__all__ = ["Search", "Trial", "tune"]
