import itertools

import numpy as np
import pytest

from keras_charrnn import evaluation
from keras_charrnn.errors import SettingsError, VocabularyError
from tests.conftest import TEXT


@pytest.mark.parametrize("characters", [2, 3, 40, 130, 3000])
def test_a_score_is_minus_the_log_probability_of_each_character(make_model, characters):
    model = make_model(layers=2)
    text = TEXT[:characters]
    ids, states, wanted = model.vocabulary.encode(text), model.initial_states(1), []
    for current, following in itertools.pairwise(ids):
        logits, states = model.step(np.array([current], "int32"), states)
        exponentials = np.exp(logits.numpy()[0].astype("float64"))
        wanted.append(-np.log(exponentials[following] / exponentials.sum()))
    score = model.score(text)
    np.testing.assert_allclose(score.nats, wanted, atol=1e-4)
    assert score.characters == characters - 1
    np.testing.assert_allclose(score.nats_per_character, np.mean(wanted), rtol=1e-5)
    np.testing.assert_allclose(score.bits_per_character, np.mean(wanted) / np.log(2), rtol=1e-5)
    np.testing.assert_allclose(score.perplexity, np.exp(np.mean(wanted)), rtol=1e-4)


@pytest.mark.parametrize("text", ["", "t"])
def test_a_score_needs_two_characters(make_model, text):
    with pytest.raises(SettingsError, match="at least 2 characters"):
        make_model().score(text)


def test_a_score_names_unknown_characters(make_model):
    with pytest.raises(VocabularyError, match="the text has the character 'é'"):
        make_model().score("thé")


def test_bits():
    assert evaluation.bits(np.log(2)) == pytest.approx(1)
