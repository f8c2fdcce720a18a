"""Corpora: named and local texts, each with its source and checksum."""

from keras_charrnn.text.corpora import python_names, python_stdlib, shakespeare_plays, tiny_shakespeare
from keras_charrnn.text.corpora.loading import load
from keras_charrnn.text.corpora.pieces import read_pieces
from keras_charrnn.text.corpora.streams import keep
from keras_charrnn.text.corpora.text import Text, cache_folder, from_text

__all__ = ["Text", "cache_folder", "from_text", "keep", "load", "read_pieces"]
