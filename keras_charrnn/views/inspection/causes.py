"""What a guess comes from: how much it would change with each symbol before it. TensorFlow only.

Shapes in letters: T symbols.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError

FARTHEST = 100  # symbols before the guess that are looked at


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
    begin, states = max(0, place - FARTHEST), model.initial_states(1)
    for start in range(0, begin, 256):
        window = ids[start : min(begin, start + 256)]
        states = model.read(tf.constant(window[:, None]), states)
    copies = [tf.identity(weight.value) for _ in range(begin, place)]
    with tf.GradientTape() as tape:
        tape.watch(copies)
        for copy, each in zip(copies, ids[begin:place], strict=True):
            with keras.StatelessScope(state_mapping=[(weight, copy)]):
                logits, states = model.step(tf.constant([each]), states)
        logs = tf.nn.log_softmax(logits[0])
        guess = tf.reduce_max(logs)
    gradients = tape.gradient(guess, copies, unconnected_gradients="zero")
    for number, (each, gradient) in enumerate(zip(ids[begin:place], gradients, strict=True), start=begin):
        found[number] = np.linalg.norm(tf.convert_to_tensor(gradient)[each].numpy())
    return found
