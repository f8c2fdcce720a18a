"""What a guess comes from: how much it would change with each symbol before it. TensorFlow only.

Shapes in letters: T symbols.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.engine.products import project
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.reading import read_prefixes

FARTHEST = 100  # symbols before the guess that are looked at
MOST = 2**26  # numbers in all copies of the weight by which symbols come in


def causes(model, text, place=None):
    """Return how strongly a model's guess depends on each symbol before it.

    The guess is the likeliest symbol at a place. Of its log-probability, the gradient is taken by what each earlier
    symbol brings in: its embedding, or its row of the first kernel; the figure is the gradient's norm. What n-grams
    bring in is not looked at.

    Args:
        model: A `CharRNN`.
        text: A str.
        place: Of the guess, among the symbols of the text, from 0; their number, or None, for what comes after the
            text.

    Returns:
        float32 (place,), 0 for what is more than 100 symbols before it.

    Raises:
        SettingsError: If the place is not in the text, or the model's first layer reads no symbols by a weight.
        VocabularyError: If the text has a character that the model does not know.

    Source: A. Madsen, Visualizing memorization in RNNs, Distill 2019.
    """
    ids = model.vocabulary.encode(text).astype(np.int32)
    place = len(ids) if place is None else place
    if not 0 <= place <= len(ids):
        raise SettingsError(f"place must be from 0 to {len(ids)}, the symbols of the text; received {place}")
    return causes_of(model, ids[:place])


def causes_of(model, ids):
    """Return how strongly the guess after some symbols depends on each of them: see `causes`.

    Args:
        model: A `CharRNN`.
        ids: int32 (T,).
    """
    place = len(ids)
    found = np.zeros(place, np.float32)
    if place == 0:
        return found
    weight, axis = model.symbol_axes[0]
    if axis or len(weight.shape) < 2:
        raise SettingsError("the model's first layer reads no symbols by a weight of its own")
    begin = max(0, place - min(FARTHEST, max(1, MOST // int(np.prod(weight.shape)))))
    states = read_prefixes(model, model.run_compiled, [ids[:begin]])
    copies = [tf.identity(weight.value) for _ in range(begin, place)]
    with tf.GradientTape() as tape:
        tape.watch(copies)
        for copy, each in zip(copies, ids[begin:place], strict=True):
            with keras.StatelessScope(state_mapping=[(weight, copy)]):
                hidden, states = model.run_recurrent(tf.constant([[each]]), states, inside_xla=True)
        logits = project(hidden, *model.head_weights, model.variable_dtype)  # whose weight may be the same
        guess = tf.reduce_max(tf.nn.log_softmax(logits[0]))
    gradients = tape.gradient(guess, copies, unconnected_gradients="zero")
    for number, (each, gradient) in enumerate(zip(ids[begin:place], gradients, strict=True), start=begin):
        found[number] = np.linalg.norm(tf.convert_to_tensor(gradient)[each].numpy())
    return found
