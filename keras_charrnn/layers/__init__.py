"""Layers: the stateful recurrent layer, and the fast loop, products and noise below it."""

from keras_charrnn.layers.recurrent import Recurrent

__all__ = ["Recurrent"]
