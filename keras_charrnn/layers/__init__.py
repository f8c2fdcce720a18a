"""Layers: the stateful recurrent layer, what stands around it, and the fast loop and products below it."""

from keras_charrnn.layers.recurrent import Recurrent

__all__ = ["Recurrent"]
