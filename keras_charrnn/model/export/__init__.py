"""A model as other programs read it: the single step in three formats, the weights in two."""

from keras_charrnn.model.export.export import FORMATS, export
from keras_charrnn.model.export.weights import from_torch, read_weights, to_torch

__all__ = ["FORMATS", "export", "from_torch", "read_weights", "to_torch"]
