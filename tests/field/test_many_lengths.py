"""Many texts of many lengths in one process: a few functions are compiled, and none of the figures changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.model.shapes import LENGTHS, ROWS, at_least
from keras_charrnn.text.windows import WARM_UP
from keras_charrnn.views.inspection.trace import trace
from tests.conftest import TEXT

LONG = TEXT * 3  # some 10,000 characters
FEW = len(LENGTHS) + len(ROWS) - 1  # of one row of any length, or of any rows of the last


@pytest.fixture(scope="module")
def model():
    """One for all tests: what it compiles for one of them serves the others."""
    keras.utils.set_random_seed(1)
    model = CharRNN(Vocabulary(TEXT), "gru", units=6, embedding=4)
    model.compile("sgd")
    return model


@pytest.fixture(scope="module")
def by_steps(model):
    """The nats of the characters of the long text, one step after the other."""
    ids = model.vocabulary.encode(LONG[:5000]).astype("int32")
    before = tf.zeros((1, len(model.vocabulary))), model.initial_states(1)
    logits, _ = tf.function(lambda: tf.scan(lambda last, each: model.step(each[None], last[1]), ids[:-1], before))()
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids[1:], logits[:, 0]).numpy()


@pytest.mark.parametrize("characters", [2, 3, 9, 10, 34, 129, 130, 1000, 2049, 2050, 3100, 5000])
def test_what_is_added_to_a_text_changes_no_score(model, by_steps, characters):
    nats = model.score(LONG[:characters]).nats
    assert len(nats) == characters - 1
    np.testing.assert_allclose(nats[:WARM_UP], by_steps[: min(WARM_UP, characters - 1)], atol=1e-5)
    np.testing.assert_allclose(nats, by_steps[: characters - 1], atol=1e-3)  # a row has forgotten that it was warmed up


@given(st.data())
def test_texts_of_any_length_are_scored_by_few_functions(model, by_steps, data):
    characters = data.draw(st.integers(2, 2000) | st.integers(2, 5000))
    begin = data.draw(st.integers(0, len(LONG) - characters))
    pieces = data.draw(st.lists(st.integers(0, characters), max_size=3).map(sorted))
    text = LONG[begin : begin + characters]
    whole = model.score(text).nats
    parts = [text[i:j] for i, j in zip([0, *pieces], [*pieces, characters], strict=True)]
    found = np.concatenate([nats for _, nats in model.scorer.stream(parts)])
    np.testing.assert_allclose(found[1:], whole, atol=1e-3)
    assert model.scorer._losses.experimental_get_tracing_count() <= FEW


def traces(model):
    made = model.functions.made.values()
    functions = [*model._generator._functions.values(), model._generator._draw, *made]
    traced = (each for each in functions if hasattr(each, "experimental_get_tracing_count"))
    return len(made) + sum(each.experimental_get_tracing_count() for each in traced)


@pytest.mark.parametrize(
    "use",
    [
        lambda model, n: model.generate("the "[: n % 4] * n, 10 * n, num_samples=2 + n % 3, seed=n),
        lambda model, n: list(model.stream("the " * 70 * n, 3 + n, temperature=0.1 * n, seed=n)),
        lambda model, n: trace(model, LONG[: 30 + n]),
        lambda model, n: model.predict(np.ones((5 + n % 4, 10 + n), "int32"), verbose=0),
        lambda model, n: model.evaluate(*np.ones((2, 5 + n % 4, 10 + n), "int32"), verbose=0),
    ],
    ids=["generate", "stream", "inspect", "predict", "evaluate"],
)
def test_what_is_used_again_and_again_is_compiled_once(model, use):
    use(model, 3)
    use(model, 4)  # another number of samples that has the same number of rows, or one more
    before = traces(model)
    for n in range(5, 9):
        use(model, n)
    assert traces(model) == before


@pytest.mark.parametrize("num_samples", [3, pytest.param(5, marks=pytest.mark.thorough)])
def test_samples_that_nobody_asked_for_change_none_of_the_others(model, num_samples):
    texts = model.generate("the ", 30, num_samples, seed=7)
    noise = model._generator._draw(tf.constant([1024, num_samples, len(model.vocabulary)]), tf.constant([7, 0])).numpy()
    ids, states = model.vocabulary.encode("the ").astype("int32"), model.initial_states(1)
    for each in ids[:-1]:
        _, states = model.step(tf.constant([each]), states)
    for row, text in enumerate(texts):
        last, own, made = ids[-1:], states, []
        for t in range(30):
            logits, own = model.step(tf.constant(last), own)
            last = np.argmax(logits.numpy() / 0.8 + noise[t, row], -1).astype("int32")
            made.append(last[0])
        assert text == "the " + model.vocabulary.decode(np.array(made))


@pytest.mark.parametrize(("number", "wanted"), [(1, 1), (2, 2), (3, 4), (5, 8), (64, 64), (65, 128), (129, 192)])
def test_the_least_size_that_is_large_enough(number, wanted):
    assert at_least(number, ROWS) == wanted
