"""Cells against one another: each trained under one recipe, at equal parameters or units, for several seeds."""

from keras_charrnn.studies.comparison.comparison import compare
from keras_charrnn.studies.comparison.results import CellResult, Comparison, Trial

__all__ = ["CellResult", "Comparison", "Trial", "compare"]
