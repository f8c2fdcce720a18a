import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.dynamic import DynamicScorer, Learning
from tests.conftest import TEXT

T = 6
LEARNING = Learning(rate=0.05, decay=0.1, segment=T)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return CharRNN(Vocabulary(TEXT), cell="lstm", units=8, embedding=4, dropout=0.5, ngrams=2)


def ids_of(model, text):
    return model.vocabulary.encode(text).astype("int32")


def nats_of(model, text, learning=LEARNING, sizes=None):
    """Return the nats of a text's whole segments, given as a whole or in pieces of some sizes, and the mean of all."""
    scorer, ids = DynamicScorer(model, ids_of(model, TEXT[:40]), learning), ids_of(model, text)
    pieces = [ids] if sizes is None else np.split(ids, np.cumsum(sizes))
    nats = np.concatenate([scorer.add(each) for each in pieces])
    return nats, scorer.end().nats_per_character


@pytest.fixture(scope="module")
def nats(model):
    """The nats of a text; the model stays as it is."""
    before = model.get_weights()
    nats, _ = nats_of(model, TEXT[:40])
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    return nats


@pytest.mark.thorough
def test_a_text_in_pieces_has_the_figures_of_the_whole(model, nats):
    np.testing.assert_array_equal(nats_of(model, TEXT[:40], sizes=[1, 0, 5, 3, 17])[0], nats)


def test_at_rate_0_the_figures_are_the_plain_ones(model):
    plain = model.score(TEXT[:40]).nats
    nats, mean = nats_of(model, TEXT[:40], Learning(0.0, 0.1, T))
    np.testing.assert_allclose(nats, plain[:36], atol=1e-5)
    np.testing.assert_allclose(mean, plain.mean(), rtol=1e-5)  # with the 3 that are no segment


def test_no_character_is_used_before_it_is_scored(model, nats):
    plain = model.score(TEXT[:40]).nats
    np.testing.assert_allclose(nats[:T], plain[:T], atol=1e-5)
    assert len(nats) == 36 and not np.isclose(nats[T:], plain[T:36], atol=1e-4).any()
    # Other characters from the third segment on change nothing of what stands before.
    other, _ = nats_of(model, TEXT[: 2 * T + 1] + TEXT[2 * T + 1 : 40][::-1], sizes=[1, 0, 5, 3, 17])
    np.testing.assert_array_equal(other[: 2 * T], nats[: 2 * T])
    assert not np.isclose(other[2 * T :], nats[2 * T :], atol=1e-4).all()


def test_a_model_that_unlearns_everything_is_told(model):
    with pytest.raises(SettingsError, match=r"came to .* nats per character: at the rate 1e\+30 the model has unl"):
        nats_of(model, TEXT[:40], Learning(1e30, 0.1, T))


def test_two_updates_are_those_of_the_paper(model, nats):
    """Worked out again in NumPy, with gradients that are Keras's own, of a call from the beginning of the text."""
    twin = CharRNN.from_config(model.get_config())
    twin.set_weights(model.get_weights())

    def gradients(ids, states):
        with tf.GradientTape() as tape:
            logits, states = twin.run(ids[None, :-1], states)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(ids[None, 1:], logits, from_logits=True))
        found = tape.gradient(loss, [each.value for each in twin.trainable_weights])
        return [tf.convert_to_tensor(each).numpy() for each in found], states

    trained_on, states, squares = ids_of(model, TEXT[:40]), twin.initial_states(1), 0
    starts = np.linspace(0, 40 - 1 - T, 39 // T).astype(int)
    for start in starts:
        found, states = gradients(trained_on[start : start + T + 1], states)
        squares = squares + np.array([each**2 for each in found], object)
    roots = np.sqrt(np.concatenate([each.ravel() for each in squares / len(starts)]).astype("float64"))
    mean = roots.mean()

    def flat(arrays):
        return np.concatenate([np.ravel(each) for each in arrays]).astype("float64")

    def values(model):
        return [weight.numpy() for weight in model.trainable_weights]

    trained, ids, states = flat(values(model)), ids_of(model, TEXT[:40]), twin.initial_states(1)
    shapes = [each.shape for each in values(model)]
    for segment in range(2):
        found, states = gradients(ids[segment * T : segment * T + T + 1], states)
        weights = flat(values(twin))
        back = np.minimum(1, LEARNING.decay * roots / mean) * (trained - weights)
        weights = weights - LEARNING.rate * flat(found) / (roots + 0.1 * mean) + back
        ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        new = [part.reshape(shape) for part, shape in zip(np.split(weights, ends), shapes, strict=True)]
        for weight, value in zip(twin.trainable_weights, new, strict=True):  # the tables of n-grams stay
            weight.assign(value)
    third = ids[2 * T : 3 * T + 1]
    logits, _ = twin.run(third[None, :-1], states)
    wanted = keras.losses.sparse_categorical_crossentropy(third[None, 1:], logits, from_logits=True)[0]
    np.testing.assert_allclose(nats[2 * T : 3 * T], wanted, atol=1e-3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"rate": -0.1}, "dynamic rate must be a number of 0 or more; received -0.1"),
        ({"rate": float("nan")}, "dynamic rate must be a number of 0 or more; received nan"),
        ({"decay": "much"}, "dynamic decay must be a number of 0 or more; received 'much'"),
        ({"segment": 0}, "dynamic segment must be a whole number of 1 or more; received 0"),
        ({"speed": 1}, "dynamic must be true, false or a mapping of rate, decay, segment; received {'speed': 1}"),
        (0.5, r"dynamic must be true, false or a mapping of rate, decay, segment; received 0\.5"),
    ],
)
def test_how_to_learn_is_looked_at(asked, message):
    with pytest.raises(SettingsError, match=message):
        Learning.of(asked)
    assert Learning.of(True) == Learning() and Learning.of({"rate": 0}).rate == 0
