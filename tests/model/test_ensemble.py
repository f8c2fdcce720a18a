import keras
import numpy as np
import pytest

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.errors import SettingsError, VocabularyError
from keras_charrnn.model import Ensemble
from tests.conftest import TEXT


@pytest.fixture(scope="module")
def models():
    """Three trainings of one architecture, by their weights."""
    keras.utils.set_random_seed(1)
    settings = {"cell": "gru", "units": 12, "embedding": 6, "ngrams": 2}
    models = [CharRNN(Vocabulary(TEXT), **settings, dropout=0.1 * i) for i in range(3)]
    for each in models:
        each.ngrams.tables[0].assign(keras.random.normal(each.ngrams.tables[0].shape))
    return models


@pytest.fixture(scope="module")
def ensemble(models):
    return Ensemble(models)


def mean_of(models, text):
    """Return the mean of the probabilities that models give the character after each of a text: (T, V)."""
    ids = models[0].vocabulary.encode(text).astype("int32")[None]
    logits = [each.run(ids, each.initial_states(1))[0][0].numpy().astype("float64") for each in models]
    return np.mean([np.exp(each) / np.exp(each).sum(-1, keepdims=True) for each in logits], 0)


def test_the_probability_of_a_character_is_the_mean_of_the_members(models, ensemble):
    ids = models[0].vocabulary.encode(TEXT[:33])
    wanted = -np.log(mean_of(models, TEXT[:32])[np.arange(32), ids[1:]])
    np.testing.assert_allclose(ensemble.score(TEXT[:33]).nats, wanted, atol=1e-5)
    nats = np.concatenate([nats for _, nats in ensemble.scorer.stream([TEXT[:25], TEXT[25:33]])])
    np.testing.assert_allclose(nats[1:], wanted, atol=1e-5)


def test_text_is_made_of_the_mean_of_the_probabilities(models, ensemble):
    made = ensemble.generate("the quick", length=8, temperature=0)
    text = "the quick"
    for _ in range(4):
        text += models[0].vocabulary.decode([mean_of(models, text)[-1].argmax()])
    assert made.startswith(text)
    assert "".join(ensemble.stream("the quick", length=8, temperature=0)) == made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": 8}, "one and other make no ensemble: units is 12 in the first and 8 in the second; its members"),
        ({"cell": "lstm"}, "cell is 'gru' in the first and 'lstm' in the second"),
        (
            {"layers": 2, "embedding": 8},
            "layers is 1 in the first and 2 in the second, embedding is 6 in the",
        ),
        ({"text": TEXT + "é"}, "no ensemble: their vocabularies differ, by 'é' in other alone; its"),
        ({"text": TEXT.replace("z", "ß")}, "differ, by 'z' in one alone and 'ß' in other alone"),
        ({"text": TEXT + "ABCDEFGIJKLM"}, "by 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'I', 'J', 'K', … in other alone"),
    ],
)
def test_members_are_of_one_architecture_and_one_vocabulary(models, make_model, settings, message):
    with pytest.raises(SettingsError, match=message):
        Ensemble([models[0], make_model(**{"ngrams": 2, **settings})], ["one", "other"])


def test_members_treat_unknown_characters_alike(models, make_model):
    other = make_model()
    other.vocabulary = Vocabulary(TEXT, unknown="drop")
    with pytest.raises(SettingsError, match=r"vocabulary\.unknown is 'error' in the first and 'drop' in the second"):
        Ensemble([models[0], other])


def test_an_ensemble_has_two_members_and_the_errors_of_a_model(models, ensemble):
    with pytest.raises(SettingsError, match="an ensemble has two members or more; received 1"):
        Ensemble(models[:1])
    with pytest.raises(VocabularyError, match="the prefix has the character '☃'"):
        ensemble.generate("☃")
    with pytest.raises(SettingsError, match="at least 2 characters"):
        ensemble.score("t")
