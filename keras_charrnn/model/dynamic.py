"""Dynamic evaluation: a model that goes on learning from the text on which it is measured.

After each segment has been scored, with the gradient g of its mean surprise, the weights w become

    w - rate g / (r + 0.1 mean(r)) + min(1, decay r / mean(r)) (w0 - w)

where w0 is what they were trained to be, and r the root of a weight's mean squared gradient over segments of the
training text: B. Krause et al., Dynamic evaluation of neural sequence models, 2018, its form with RMS and decay. The
tables of n-grams, of which a segment reads few rows, stay as they are.

Shapes in letters: T characters of a segment.
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.evaluation import Figures

SEGMENTS = 300  # of the training text, at most, for the mean squares
FLOOR = 0.1  # in units of mean(r): what training hardly ever changed, as what only rare symbols read, shall not jump
MOST = 700  # nats per character; e to the power of more is no float


@dataclasses.dataclass(frozen=True)
class Learning:
    """How a model goes on learning.

    Attributes:
        rate: Of learning; at 0 the model stays as it is.
        decay: Towards the trained weights, after each segment.
        segment: T, the characters that are scored before the model learns from them.

    Raises:
        SettingsError: If one is out of its range.
    """

    rate: float = 0.001
    decay: float = 0.005
    segment: int = 64

    def __post_init__(self):
        for name in ("rate", "decay"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise SettingsError(f"dynamic {name} must be a number of 0 or more; received {value!r}")
        if not isinstance(self.segment, int) or isinstance(self.segment, bool) or self.segment < 1:
            raise SettingsError(f"dynamic segment must be a whole number of 1 or more; received {self.segment!r}")

    @classmethod
    def of(cls, asked):
        """Return what a user asks for: True for the defaults, or a mapping of attributes.

        Raises:
            SettingsError: If it is none of these, or an attribute is unknown or out of its range.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if asked is not True and not (isinstance(asked, Mapping) and asked.keys() <= {*names}):
            raise SettingsError(f"dynamic must be true, false or a mapping of {', '.join(names)}; received {asked!r}")
        return cls() if asked is True else cls(**asked)

    def __str__(self):
        return (
            f"dynamic: learning from each {self.segment} characters once they are scored, rate {self.rate:g}, decay "
            f"{self.decay:g}"
        )


@dataclasses.dataclass(frozen=True)
class Dynamic(Figures):
    """How well a model predicts a text while it goes on learning from it.

    Attributes:
        nats_per_character: The mean surprise of a predicted character.
        learning: The `Learning`.
    """

    nats_per_character: float
    learning: Learning

    def to_mapping(self):
        """Return the figures and how the model went on learning, as plain values."""
        return {**self.figures, **vars(self.learning)}


class DynamicScorer:
    """Scores a text segment by segment with a copy of a model, which learns from each once it is scored.

    Args:
        model: A `CharRNN`, which stays as it is.
        trained_on: Ids of the text that it was trained on, at least 2.
        learning: A `Learning`.
    """

    def __init__(self, model, trained_on, learning):
        self._learning, self._total, self._characters = learning, 0.0, 0
        self._model = model = _copy(model)
        self._weights = [weight.value for weight in model.trainable_weights]
        self._gradients = tf.function(self._run, autograph=False)
        self._update = tf.function(self._learn, jit_compile=True, autograph=False)
        self._trained = [tf.identity(weight) for weight in self._weights]
        self._roots = self._measure(trained_on)
        sums = [float(tf.reduce_sum(each)) for each in self._roots]
        self._mean = sum(sums) / sum(int(tf.size(each)) for each in self._roots)
        self._states, self._held = model.initial_states(1), np.zeros(0, np.int32)

    def add(self, ids):
        """Take further ids of the text; return the nats of those that complete a segment, a float32 array."""
        segment, nats = self._learning.segment, []
        held = np.concatenate([self._held, ids])
        while len(held) > segment:
            found, self._states, gradients = self._gradients(*self._window(held), self._states)
            self._update(gradients)
            nats.append(self._count(found.numpy(), held[1 : segment + 1]))
            held = held[segment:]
        self._held = held
        return np.concatenate([np.zeros(0, np.float32), *nats])

    def end(self):
        """Score what is left at the end of the text, less than a segment; return the `Dynamic` of the whole.

        Raises:
            SettingsError: If the model has unlearned everything.
        """
        nats, _, _ = self._gradients(*self._window(self._held), self._states)
        self._count(nats.numpy()[: len(self._held) - 1], self._held[1:])
        mean = self._total / self._characters
        if not mean <= MOST:
            raise SettingsError(
                f"dynamic evaluation came to {mean:.3g} nats per character: at the rate {self._learning.rate:g} the "
                "model has unlearned everything; take a lower one"
            )
        return Dynamic(mean, self._learning)

    def _count(self, nats, ids):
        self._total += float(np.sum(nats, dtype=np.float64))
        self._characters += self._model.vocabulary.characters(ids)
        return nats

    def _window(self, ids):
        """Return the ids of a segment and those that follow each; the last one stands in for what is not there."""
        count = self._learning.segment + 1
        ids = np.pad(ids[:count], (0, max(0, count - len(ids))), "edge").astype(np.int32)
        return tf.constant(ids[:-1]), tf.constant(ids[1:])

    def _run(self, inputs, targets, states):
        """Return the nats of a segment (T,), the states after it, and the gradients of the mean of the nats."""
        with tf.GradientTape() as tape:
            logits, states = self._model.run(inputs[None], states)  # without dropout and noise, as it is scored
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits[0])
            mean = tf.reduce_mean(nats)
        gradients = tape.gradient(mean, self._weights, unconnected_gradients="zero")
        return nats, states, [tf.convert_to_tensor(each) for each in gradients]

    def _learn(self, gradients):
        rate, decay = self._learning.rate, self._learning.decay
        for weight, gradient, root, trained in zip(self._weights, gradients, self._roots, self._trained, strict=True):
            back = tf.minimum(1.0, decay * root / self._mean) * (trained - weight)
            weight.assign_add(back - rate * gradient / (root + FLOOR * self._mean))

    def _measure(self, ids):
        """Return the roots of the mean squared gradients over segments from all parts of a text."""
        count = max(1, min(SEGMENTS, (len(ids) - 1) // self._learning.segment))
        starts = np.linspace(0, max(0, len(ids) - 1 - self._learning.segment), count).astype(int)
        states, squares = self._model.initial_states(1), [tf.zeros_like(each) for each in self._weights]
        add = tf.function(lambda sums, found: [a + b * b for a, b in zip(sums, found, strict=True)], autograph=False)
        for start in starts:
            window = self._window(ids[start : start + self._learning.segment + 1])
            _, states, gradients = self._gradients(*window, states)
            squares = add(squares, gradients)
        return [tf.sqrt(each / count) for each in squares]


def _copy(model):
    """Return another model of the same weights and precision."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    copy.precision = model.precision
    return copy
