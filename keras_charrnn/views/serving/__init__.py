"""A server of models: the page to write with, and an interface for programs."""

from keras_charrnn.views.serving.server import serve

__all__ = ["serve"]
