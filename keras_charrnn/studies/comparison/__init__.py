"""Cells, optimizers and other keys against one another: each combination trained under one recipe, on some seeds."""

from keras_charrnn.studies.comparison.comparison import compare
from keras_charrnn.studies.comparison.results import Comparison, Trial, Variant

__all__ = ["Comparison", "Trial", "Variant", "compare"]
