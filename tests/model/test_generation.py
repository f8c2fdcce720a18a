"""Sampling against probabilities worked out by hand, and text in and out."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.errors import SettingsError, VocabularyError
from keras_charrnn.model import generation
from keras_charrnn.model.generation import BLOCK
from keras_charrnn.model.reading import WINDOW
from keras_charrnn.model.sampling.loop import gumbel
from keras_charrnn.model.sampling.temperature import scale
from tests.conftest import TEXT

LOGITS = np.array([2.0, 1.0, 0.5, -1.0, 1.0], dtype="float32")


class Constant:
    """A model whose logits are always the same: V = 5, one state that counts the steps."""

    fresh_at = None

    vocabulary = Vocabulary("\nabcd")

    def initial_states(self, batch):
        return [[tf.zeros((batch, 1))]]

    def read(self, ids, states):
        return [[states[0][0] + len(ids)]]

    def table(self, rows):
        return None

    def step(self, ids, states, table=None):
        return tf.tile(LOGITS[None], (ids.shape[0], 1)), [[states[0][0] + 1]]


@pytest.fixture(scope="module")
def model():
    """One for all tests: what it compiles for one of them serves the others."""
    keras.utils.set_random_seed(1)
    return CharRNN(Vocabulary(TEXT), cell="gru", units=12, embedding=6)


@functools.cache
def constant_generator():
    """Return a generator that is compiled once for all tests."""
    return generation.Generator(Constant())


def frequencies(**settings):
    """Return how often each symbol is drawn, in 64,000 draws."""
    texts = constant_generator().generate("a", 1000, num_samples=64, seed=11, **settings)
    joined = "".join(text[1:] for text in texts)
    assert len(joined) == 64_000
    return np.array([joined.count(c) for c in "\nabcd"]) / 64_000


def softmax(logits):
    shares = np.exp(logits - logits.max())
    return shares / shares.sum()


@pytest.mark.parametrize("temperature", [0.3, 0.8, 1, 2.5, 100])
def test_frequencies_are_those_of_the_softmax_at_each_temperature(temperature):
    np.testing.assert_allclose(frequencies(temperature=temperature), softmax(LOGITS / temperature), atol=0.01)


@pytest.mark.parametrize(("k", "kept"), [(1, [0]), (2, [0, 1, 4]), (3, [0, 1, 4]), (4, [0, 1, 2, 4]), (99, range(5))])
def test_top_k_draws_from_the_k_likeliest_and_their_equals(k, kept):
    wanted = np.zeros(5)
    wanted[list(kept)] = softmax(LOGITS[list(kept)])
    np.testing.assert_allclose(frequencies(temperature=1, top_k=k), wanted, atol=0.01)


# The softmax is 0.498, 0.183, 0.183, 0.111, 0.025 in falling order.
@pytest.mark.parametrize(("p", "kept"), [(0.4, [0]), (0.6, [0, 1, 4]), (0.87, [0, 1, 2, 4]), (1.0, range(5))])
def test_top_p_draws_from_the_fewest_symbols_of_that_probability(p, kept):
    wanted = np.zeros(5)
    wanted[list(kept)] = softmax(LOGITS[list(kept)])
    np.testing.assert_allclose(frequencies(temperature=1, top_p=p), wanted, atol=0.01)


def test_top_k_and_top_p_hold_together():
    wanted = np.zeros(5)
    wanted[[0, 1, 4]] = softmax(LOGITS[[0, 1, 4]])
    np.testing.assert_allclose(frequencies(temperature=1, top_k=4, top_p=0.75), wanted, atol=0.01)


def test_greedy_and_near_greedy_take_the_likeliest():
    assert frequencies(temperature=0)[0] == 1
    assert frequencies(temperature=0.04)[0] == 1
    # As float32 these are 0, infinite, 0.
    assert frequencies(temperature=1e-300)[0] == 1
    np.testing.assert_allclose(frequencies(temperature=10**400), np.full(len(LOGITS), 1 / len(LOGITS)), atol=0.01)
    assert frequencies(temperature=1, top_p=1e-300)[0] == 1


@pytest.mark.parametrize("temperature", [1e-30, 0.04, 1.0, 100.0, 1e30])
def test_scaled_logits_are_finite_and_keep_their_order_at_any_temperature(temperature):
    scaled = scale(tf.constant([[1e4, -1e4, 0.0, 9999.0]]), temperature).numpy()[0]
    assert np.isfinite(scaled).all()
    assert scaled.argmax() == 0 and scaled[1] <= scaled[2] <= scaled[3] <= scaled[0]


def test_noise_is_finite_and_gumbel():
    noise = gumbel((200_000,), [1, 2]).numpy()
    assert np.isfinite(noise).all()
    np.testing.assert_allclose([noise.mean(), noise.std()], [0.5772, math.pi / 6**0.5], atol=0.02)


def test_length_counts_new_characters_and_the_prefix_is_returned(model):
    for length in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1):
        text = model.generate("the quick", length)
        assert text.startswith("the quick") and len(text) == 9 + length
    assert len(model.generate(length=30)) == 30
    assert model.generate("the quick", 0, num_samples=2) == ["the quick"] * 2


def test_the_same_seed_gives_the_same_text_and_another_another(model):
    text = model.generate("the", 300, seed=5)
    assert model.generate("the", 300, seed=5) == text
    assert model.generate("the", 300, seed=6) != text
    assert model.generate("the", 300) != model.generate("the", 300)
    assert model.generate("the", 30, seed=2**32 - 1)
    first, second = model.generate("the", 300, num_samples=2, seed=5)
    assert first != second


def is_greedy(model, length):
    """Whether each of 5 characters after a prefix is the likeliest after the whole text before it, read as one."""
    prefix = ("the quick brown fox jumps over the lazy dog.\n" * 30)[:length]
    text = model.generate(prefix, 5, temperature=0)
    ids = model.vocabulary.encode(text).astype("int32")
    logits, _ = model.run(tf.constant(ids[None, :-1]), model.initial_states(1))
    return text.startswith(prefix) and np.array_equal(np.argmax(logits[0, length - 1 :], -1), ids[length:])


@pytest.mark.parametrize(
    "length",
    [
        *(1, 3, WINDOW, WINDOW + 1, WINDOW + 2, 2 * WINDOW + 3),
        *(pytest.param(length, marks=pytest.mark.thorough) for length in (BLOCK - 1, BLOCK, BLOCK + 1, 1200)),
    ],
)
def test_a_prefix_of_any_length_goes_through_the_state(model, length):
    assert is_greedy(model, length)


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": 2, "fresh_lines": True},
        {"cell": "min_gru", "embedding": "one_hot"},
        pytest.param(
            {"cell": "layer_norm_lstm", "normalization": "rms", "feed_forward": 8, "residual": True},
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_prefix_goes_through_the_state_of_other_models(make_model, settings):
    assert is_greedy(make_model(**settings), WINDOW + 40)


def test_a_stream_makes_the_same_text_in_pieces(model):
    pieces = list(model.stream("the", 1500, seed=4))
    assert pieces[0] == "the" and len(pieces) == 1 + -(-1500 // BLOCK)
    assert "".join(pieces) == model.generate("the", 1500, seed=4)


@pytest.mark.parametrize("stop", ["a", "ab", "\n", "dcb"])
def test_a_stop_text_ends_the_new_text(stop):
    generator = constant_generator()
    whole = generator.generate("a" + stop, 3000, temperature=1, seed=8)
    cut = generator.generate("a" + stop, 3000, temperature=1, seed=8, stop=stop)
    new = whole[1 + len(stop) :]
    assert stop in new
    assert cut == "a" + stop + new[: new.index(stop)]
    assert "".join(generator.stream("a" + stop, 3000, temperature=1, seed=8, stop=stop)) == cut
    many = generator.generate("a", 3000, num_samples=3, temperature=1, seed=8, stop=stop)
    assert all(stop not in text[1:] for text in many)


def test_a_stop_text_that_never_comes_changes_nothing(model):
    assert model.generate("the", 300, seed=4, stop="zqzq") == model.generate("the", 300, seed=4)
    assert "".join(model.stream("the", 300, seed=4, stop="zqzq")) == model.generate("the", 300, seed=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature must be a number of 0 or more; received -0.1"),
        ({"temperature": math.nan}, "temperature must be .* received nan"),
        ({"temperature": math.inf}, "temperature must be .* received inf"),
        ({"temperature": "hot"}, "temperature must be .* received 'hot'"),
        ({"top_k": 0}, "top_k must be a whole number of 1 or more; received 0"),
        ({"top_k": 1.5}, "top_k must be .* received 1.5"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1; received 0"),
        ({"top_p": 1.1}, "top_p must be .* received 1.1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"length": -1}, "length must be a whole number of 0 or more; received -1"),
        ({"length": 2.0}, "length must be"),
        ({"num_samples": 0}, "num_samples must be a whole number of 1 or more; received 0"),
        ({"stop": ""}, "stop must be a text of at least one character"),
        ({"prefix": None}, "prefix must be a text; received None"),
    ],
)
def test_settings_out_of_range_are_refused(model, settings, message):
    with pytest.raises(SettingsError, match=message):
        model.generate(**{"prefix": "the", "length": 5, **settings})


def test_an_unknown_character_in_the_prefix_is_named(model):
    with pytest.raises(VocabularyError, match=r"the prefix has the character '☃' \(U\+2603\), at 2"):
        model.generate("th☃", 5)


def test_a_model_that_drops_unknown_characters_takes_them_in_a_prefix():
    model = CharRNN(Vocabulary("abc", unknown="drop"), units=3)
    assert model.generate("a☃b", 4, temperature=0)[3:] == model.generate("ab", 4, temperature=0)[2:]
    with pytest.raises(SettingsError, match="knows no character of the prefix '☃'"):
        model.generate("☃", 4)
