import importlib.metadata

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.errors import CorpusError
from keras_charrnn.recipe.suggestion import CELL, Suggestion
from keras_charrnn.text.windows import evaluation_windows, split, training_windows

SIZES = [100, 150, 300, 1000, 5000, 20_000, 200_000, 1_115_394, 30_000_000]


@pytest.mark.parametrize("characters", SIZES)
def test_the_sizes_fit_a_text_of_any_length(characters):
    suggestion = Suggestion.for_text(characters, 65)
    recipe = keras_charrnn.read_recipe(yaml.safe_load(suggestion.to_yaml("a.txt")))
    assert recipe.model.units == suggestion.units and recipe.training.epochs == suggestion.epochs
    if characters > 10**7:
        return  # the windows of so many are no other matter
    train, validation = split(np.zeros(characters, np.uint8), (recipe.split.train, recipe.split.validation))
    settings = recipe.windows
    windows = training_windows(train, settings.batch_size, settings.length, settings.random_offset)
    assert windows.steps == suggestion.steps >= 1
    assert f"{windows.steps:,} steps in an epoch, which leave over {windows.left_over:,} of" in suggestion.to_yaml("a")
    assert windows.left_over < settings.batch_size * settings.length + settings.length
    assert evaluation_windows(validation).steps >= 1
    if characters >= 5000:
        assert windows.steps >= 64 and windows.left_over < 0.05 * characters


def test_more_text_gets_more_parameters_less_dropout_and_fewer_epochs():
    suggestions = [Suggestion.for_text(characters, 65) for characters in SIZES]
    for name, sign in (("units", 1), ("batch_size", 1), ("dropout", -1), ("epochs", -1), ("ngram_decay", -1)):
        values = [sign * getattr(each, name) for each in suggestions]
        assert values == sorted(values) and values[0] < values[-1], name


@given(characters=st.integers(100, 10**9), symbols=st.integers(2, 70_000))
def test_the_recipe_of_any_text_is_one_and_says_its_sizes(characters, symbols):
    suggestion = Suggestion.for_text(characters, symbols)
    assert suggestion.steps >= 1
    written = yaml.safe_load(suggestion.to_yaml("a.txt", "Expect about 10 seconds."))
    recipe = keras_charrnn.read_recipe(written)
    assert recipe.model.cell == {"name": "rms_norm_lstm"} and recipe.model.dropout == suggestion.dropout
    assert recipe.model.ngrams == 5 and recipe.training.ngram_decay == suggestion.ngram_decay
    assert recipe.windows.batch_size == suggestion.batch_size and recipe.windows.length == suggestion.length


@pytest.mark.parametrize("symbols", [2, 65, 3000])
def test_the_parameters_are_those_of_the_model(symbols):
    suggestion = Suggestion.for_text(200_000, symbols)
    vocabulary = keras_charrnn.Vocabulary("".join(map(chr, range(100, 100 + symbols))))
    model = keras_charrnn.CharRNN(vocabulary, CELL, suggestion.units, 1, 64, ngrams=5)
    assert suggestion.parameters == model.parameters < model.count_params()


def test_any_path_is_quoted():
    for path in ("a b.txt", "ü: #.txt", "c:\\x\\y.txt", "q\"'.txt", "🍌.txt"):
        recipe = yaml.safe_load(Suggestion.for_text(1000, 10).to_yaml(path))
        assert recipe["corpus"]["path"] == path


@pytest.mark.parametrize(
    ("version", "optimizer"),
    [
        ("3.12.1", {"name": "adamw", "learning_rate": 0.005, "weight_decay": 0.01}),
        ("3.13.0", {"name": "muon", "learning_rate": 0.015, "weight_decay": 0.1}),
    ],
)
def test_the_optimizer_is_one_that_the_keras_here_has(monkeypatch, version, optimizer):
    monkeypatch.setattr(importlib.metadata, "version", {"keras": version}.get)
    written = yaml.safe_load(Suggestion.for_text(10_000, 60).to_yaml("a.txt"))
    assert written["training"]["optimizer"] == optimizer and keras_charrnn.read_recipe(written)


def test_too_short_a_text_is_refused():
    with pytest.raises(CorpusError, match="99 characters are too few to learn from; take a text of 100 or more"):
        Suggestion.for_text(99, 10)
