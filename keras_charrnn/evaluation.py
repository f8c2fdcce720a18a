"""How well a model predicts a text, in nats and bits per character.

Shapes in letters: B rows, T characters of a window.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.windows import evaluation_windows

LENGTH = 128  # T


def bits(nats):
    """Return nats in bits."""
    return nats / math.log(2)


@dataclasses.dataclass(frozen=True)
class Score:
    """The surprise of a text's characters.

    Attributes:
        nats: float32 array: for each character but the first, minus the natural logarithm of the probability that the
            model gave it after all that stands before it.
    """

    nats: np.ndarray

    @property
    def characters(self):
        """The number of characters that were predicted: all but the first."""
        return len(self.nats)

    @property
    def nats_per_character(self):
        """The mean surprise in nats: the cross-entropy, which is the loss of training."""
        return float(np.mean(self.nats, dtype=np.float64))

    @property
    def bits_per_character(self):
        """The mean surprise in bits."""
        return bits(self.nats_per_character)

    @property
    def perplexity(self):
        """exp of the mean surprise: among how many equally likely characters the model seems to choose."""
        return math.exp(self.nats_per_character)


class Scorer:
    """Scores texts with a model that has `vocabulary`, `initial_states` and `run`, and keeps its compiled pass."""

    def __init__(self, model):
        self._model = model
        self._nats = tf.function(self._window, autograph=False)

    def score(self, text):
        """Return the `Score` of a text, read from the initial states in one pass.

        A text of more than 2,048 characters is read as rows side by side, each warmed up by the 256 characters before
        it: see `windows.evaluation_windows`.

        Raises:
            SettingsError: If the text has fewer than 2 characters that the model knows.
            VocabularyError: If it has a character that the model does not know.
        """
        ids = self._model.vocabulary.encode(text)
        if len(ids) < 2:
            raise SettingsError(f"a score needs a text of at least 2 characters; received {text!r}")
        length = min(LENGTH, 1 << (len(ids) - 2).bit_length())  # few different shapes to compile
        windows = evaluation_windows(ids, length=length, split="the text")
        states, nats, counted = self._model.initial_states(windows.shape[0]), [], []
        for inputs, targets, weights in windows.dataset:
            losses, states = self._nats(inputs, targets, states)
            nats.append(losses.numpy())
            counted.append(weights.numpy() > 0)
        # Row after row, the counted targets are the text in order.
        return Score(np.concatenate(nats, 1)[np.concatenate(counted, 1)])

    def _window(self, inputs, targets, states):
        logits, states = self._model.run(inputs, states)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits), states
