"""Cells against one another: each trained under one recipe, at equal parameters or units, for several seeds."""

from keras_charrnn.comparison.comparison import compare
from keras_charrnn.comparison.results import CellResult, Comparison, Trial

__all__ = ["CellResult", "Comparison", "Trial", "compare"]
