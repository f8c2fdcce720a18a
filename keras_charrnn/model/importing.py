"""A model made of the weights of another library's."""

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.export import from_torch
from keras_charrnn.text.vocabularies import Vocabulary


def model_from_torch(cls, weights, vocabulary, embedding, head):
    """Return a model of the class `cls` with the weights of a PyTorch model; see `CharRNN.from_torch`."""
    settings, arrays = from_torch(weights, embedding, head)
    order = None
    if isinstance(vocabulary, str):
        symbols, vocabulary = vocabulary, Vocabulary(vocabulary)
        order = [symbols.find(symbol) for symbol in vocabulary.symbols]
    if len(arrays[-1]) != len(vocabulary):
        raise SettingsError(f"the weights are of {len(arrays[-1])} symbols; the vocabulary has {len(vocabulary)}")
    model = cls(vocabulary, **settings)
    if order is not None:  # ours are in the order of their code points
        # Rows of the embedding, or of the first kernel with one-hot inputs; columns of the head.
        arrays = [arrays[0][order], *arrays[1:-2], arrays[-2][:, order], arrays[-1][order]]
    model.set_weights(arrays)
    return model
