"""All that a model computes while it reads a text. TensorFlow only.

Shapes in letters: T characters, V symbols, K guesses, H units.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.contract import state_names

BLOCK = 256  # steps of one call of the compiled loop


@dataclasses.dataclass(frozen=True)
class Trace:
    """What a model computed at each character of a text, from its initial states on.

    Attributes:
        symbols: The V symbols of the model.
        text: The T characters, as the vocabulary knows them; a sequence of str where it is of another unit.
        ids: int32 (T,).
        lengths: int (T,): the characters for which each stands; 1 but for vocabularies of other units.
        nats: float32 (T,): the surprise of each character after all that stands before it; NaN for the first.
        guesses: int32 (T, K): the likeliest symbols in place of each character, in falling order; those of the first
            are empty of meaning.
        probabilities: float32 (T, K): theirs.
        states: Mapping from (layer, state) to float32 (T, H): the state after each character; layers from 1.
        previous: float32 (T, …) in a tuple: the state of the model's `NGrams` after each character; () without them.
    """

    symbols: str
    text: str
    ids: np.ndarray
    lengths: np.ndarray
    nats: np.ndarray
    guesses: np.ndarray
    probabilities: np.ndarray
    states: dict
    previous: tuple = ()

    def activity(self, unit):
        """Return float32 (T,): the activity of a `Unit` after each character."""
        return self.states[unit.layer, unit.state][:, unit.number]

    @property
    def widths(self):
        """Mapping from (layer, state) to H, the number of its units."""
        return {key: values.shape[1] for key, values in self.states.items()}


def trace(model, text, guesses=5):
    """Let a model read a text, and keep what it computes at each character.

    Args:
        model: A `CharRNN`.
        text: A str.
        guesses: K; fewer where the model has fewer symbols.

    Returns:
        A `Trace`.

    Raises:
        SettingsError: If the text has fewer than 2 characters that the model knows.
        VocabularyError: If it has a character that the model does not know.
    """
    ids = model.vocabulary.encode(text).astype(np.int32)
    if len(ids) < 2:
        raise SettingsError(f"an inspection needs at least 2 characters that the model knows; received {text!r}")
    guesses = min(guesses, len(model.vocabulary))
    step = tf.function(functools.partial(_steps, model, guesses), autograph=False)
    step = model.functions.made.setdefault(("trace", guesses), step)  # compiled once for all texts
    states, pieces = model.initial_states(1), []
    for begin in range(0, len(ids), BLOCK):
        # The last character of a block is also the first of the next, as the target of the one and the input of both.
        block = np.zeros(BLOCK + 1, np.int32)
        piece = ids[begin : begin + BLOCK + 1]
        block[: len(piece)] = piece
        count = min(BLOCK, len(ids) - begin)
        rows, states = step(tf.constant(block), tf.constant(count), states)
        pieces.append([row.numpy()[:count] for row in rows])
    nats, best, shares, *after = (np.concatenate(each) for each in zip(*pieces, strict=True))
    names = [(number, state) for number, layer in enumerate(model.recurrent, start=1) for state in state_names(layer)]
    previous, after = tuple(after[: -len(names)]), after[-len(names) :]
    # What follows the t-th character is a figure of the next one.
    nats, best, shares = (np.roll(each, 1, axis=0) for each in (nats, best, shares))
    nats[0] = np.nan
    vocabulary, states = model.vocabulary, dict(zip(names, after, strict=True))
    text = vocabulary.decode(ids) if vocabulary.is_of_characters else [vocabulary.symbols[each] for each in ids]
    return Trace(vocabulary.symbols, text, ids, vocabulary.lengths[ids], nats, best, shares, states, previous)


def _steps(model, guesses, ids, count, states):
    """Make `count` steps; return nats, guesses and probabilities of what follows each, and all states after each."""
    shapes = [(), (guesses,), (guesses,), *(tf.TensorShape(state.shape[1:]) for state in tf.nest.flatten(states))]
    kinds = [tf.float32, tf.int32, *[tf.float32] * (len(shapes) - 2)]
    arrays = [tf.TensorArray(kind, BLOCK, element_shape=shape) for kind, shape in zip(kinds, shapes, strict=True)]

    def body(t, states, arrays):
        logits, states = model.step(ids[t][None], states)
        log_probabilities = tf.nn.log_softmax(logits[0])
        best, symbols = tf.math.top_k(log_probabilities, guesses)
        values = [-log_probabilities[ids[t + 1]], symbols, tf.exp(best), *(each[0] for each in tf.nest.flatten(states))]
        return t + 1, states, [array.write(t, value) for array, value in zip(arrays, values, strict=True)]

    _, states, arrays = tf.while_loop(lambda t, *_: t < count, body, (0, states, arrays))
    rows = [array.stack() for array in arrays]
    return rows[:3] + [tf.reshape(row, (BLOCK, -1)) for row in rows[3:]], states
