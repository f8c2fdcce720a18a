"""The text of the benchmarks: tiny_shakespeare, or Python's standard library where that cannot be had."""

from keras_charrnn import Vocabulary
from keras_charrnn.text import corpora


def ids_and_vocabulary():
    """Return the ids of the text and its vocabulary."""
    text = corpora.load("tiny_shakespeare", otherwise=["python_stdlib"]).text[:1_115_394]
    vocabulary = Vocabulary.of(text)
    return vocabulary.encode(text), vocabulary
