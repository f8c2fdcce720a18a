"""Whether a sampler does what it says: shapes, seeds, and how often it draws what."""

import math

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import CharRNNError, SamplerError
from keras_charrnn.model.generation import Generator
from keras_charrnn.model.sampling import Sampling
from keras_charrnn.text.vocabularies import Vocabulary

SYMBOLS = "\nabcdefghi"
DRAWS = 100_000
UNLIKELY = 4.75  # standard deviations: one check in a million fails by chance


class Constant:
    """A model whose logits are always the same.

    Args:
        logits: float (V,).
    """

    fresh_at = None

    def __init__(self, logits):
        self.vocabulary, self._logits = Vocabulary(SYMBOLS[: len(logits)]), np.asarray(logits, np.float32)

    def initial_states(self, batch):
        return [[tf.zeros((batch, 1))]]

    def read(self, ids, states):
        return states

    def table(self, rows):
        return None

    def step(self, ids, states, table=None):
        return tf.tile(self._logits[None], (ids.shape[0], 1)), states


def check_sampler(sampler, distribution=None, draws=DRAWS):
    """Check a registered sampler: that it makes texts of the length asked for, the same for a seed, and how often what.

    Args:
        sampler: Its name, or a mapping of "name" and arguments, as in `generate(samplers=[…])`.
        distribution: What it states: a function from logits (V,), float64, to the probabilities of the symbols (V,),
            for samplers that do not depend on the text before; None for no check of frequencies.
        draws: How many are counted.

    Raises:
        SamplerError: If it does not hold; the message says what was expected and what came.
    """
    rng = np.random.default_rng(0)
    for spread in (1.0, 4.0):
        logits = spread * rng.standard_normal(len(SYMBOLS))
        settings = {"temperature": 1, "samplers": [sampler]}
        _check_logits(sampler, logits)
        generator = Generator(Constant(logits))
        texts = _made(sampler, generator, 1000, seed=1, num_samples=2, **settings)
        if any(len(text) != 1000 for text in texts):
            raise SamplerError(f"{sampler}: makes {[*map(len, texts)]} characters where 1,000 were asked for")
        if texts != _made(sampler, generator, 1000, seed=1, num_samples=2, **settings):
            raise SamplerError(f"{sampler}: makes another text at the second call with the same seed")
        if distribution is not None:
            made = "".join(_made(sampler, generator, draws // 50, seed=2, num_samples=50, **settings))
            counts = np.array([made.count(each) for each in SYMBOLS])
            _check_frequencies(sampler, counts, np.asarray(distribution(logits), np.float64))


def _made(sampler, generator, length, **settings):
    try:
        return generator.generate("", length, **settings)
    except CharRNNError:
        raise
    except Exception as error:  # whatever somebody else's sampler raises
        raise SamplerError(f"{sampler}: fails in generate with {type(error).__name__}: {error}") from error


def _check_logits(sampler, logits):
    """Check what it makes of logits, outside the loop."""
    _, made = Sampling(1, samplers=[sampler]).samplers  # the first is the temperature
    given = tf.constant(np.tile(logits, (3, 1)), tf.float32)
    state = made.start([np.zeros(1, np.int32)] * 3, 3, 8, Vocabulary(SYMBOLS))
    found = made.apply(given, [tf.constant(each) for each in made.numbers], state)
    if (tuple(found.shape), found.dtype) != (tuple(given.shape), given.dtype):
        raise SamplerError(
            f"{sampler}: apply must return logits {tuple(given.shape)}, float32; it returns {tuple(found.shape)}, "
            f"{found.dtype.name}"
        )
    if bool(tf.reduce_any(tf.math.is_nan(found))) or not bool(tf.reduce_all(tf.reduce_max(found, -1) > -math.inf)):
        raise SamplerError(
            f"{sampler}: apply must leave a symbol in every row, and no NaN; it returns {found.numpy()[0]}"
        )


def _check_frequencies(sampler, counts, shares):
    """Compare counts (V,) with probabilities (V,), by the chi-square test."""
    if shares.shape != counts.shape or not math.isclose(shares.sum(), 1, abs_tol=1e-6):
        raise SamplerError(f"{sampler}: the stated distribution must be {len(counts)} shares that sum to 1")
    never = (shares < 1e-12) & (counts > 0)
    if never.any():
        raise SamplerError(f"{sampler}: draws {SYMBOLS[np.argmax(never)]!r}, whose stated probability is 0")
    expected = shares * counts.sum()
    many = expected >= 5
    freedom = max(1, int(many.sum()) - 1)
    found = float(np.sum((counts[many] - expected[many]) ** 2 / expected[many]))
    most = freedom * (1 - 2 / (9 * freedom) + UNLIKELY * math.sqrt(2 / (9 * freedom))) ** 3  # Wilson and Hilferty, 1931
    if found > most:
        raise SamplerError(
            f"{sampler}: of {counts.sum():,} draws the shares are {np.round(counts / counts.sum(), 4)}, stated are "
            f"{np.round(shares, 4)} (chi-square {found:.1f}, more than {most:.1f})"
        )
