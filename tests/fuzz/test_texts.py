"""Any text and any setting of a sampler."""

import pathlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keras_charrnn import Vocabulary
from keras_charrnn.errors import CorpusError, SettingsError, VocabularyError, WindowsError
from keras_charrnn.model.sampling import Sampling
from keras_charrnn.model.sampling.temperature import LEAST
from keras_charrnn.text import corpora
from keras_charrnn.text.verbatim import memorization
from keras_charrnn.text.vocabularies import REPLACEMENT
from keras_charrnn.text.windows import evaluation_windows, training_windows

EXAMPLES = settings.default.max_examples  # 25 or, in the thorough suite, 500

texts = st.text(st.characters(exclude_categories=()), max_size=40)


@settings(max_examples=4 * EXAMPLES)
@given(texts)
def test_a_text_is_what_its_ids_mean(text):
    if len(set(text)) < 2:
        with pytest.raises(VocabularyError, match="at least 2 different characters"):
            Vocabulary(text)
        return
    vocabulary = Vocabulary(text)
    assert vocabulary.symbols == "".join(sorted(set(text)))
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text and max(ids) == len(vocabulary) - 1
    assert Vocabulary(**vocabulary.get_config()) == vocabulary


@settings(max_examples=2 * EXAMPLES)
@given(texts, texts)
def test_each_policy_does_with_unknown_characters_what_it_says(known, text):
    assume(len(set(known)) >= 2)
    missing = set(text) - set(known)
    dropped = "".join(each for each in text if each in known)
    replaced = "".join(each if each in known else REPLACEMENT for each in text)
    for policy, wanted in (("drop", dropped), ("replace", replaced)):
        vocabulary = Vocabulary(known, policy)
        assert vocabulary.decode(vocabulary.encode(text)) == wanted
    vocabulary = Vocabulary(known)
    assert vocabulary.knows(text).tolist() == [each in known for each in text]
    if missing:
        first = next(each for each in text if each in missing)
        with pytest.raises(VocabularyError) as caught:
            vocabulary.encode(text)
        assert f"U+{ord(first):04X}" in str(caught.value)
    else:
        assert vocabulary.decode(vocabulary.encode(text)) == text


@given(st.integers(0, 400), st.integers(1, 5), st.integers(1, 9), st.booleans(), st.integers(0, 2**32 - 1))
def test_training_windows_cover_what_they_say(characters, batch_size, length, random_offset, seed):
    ids = np.arange(characters)
    try:
        windows = training_windows(ids, batch_size, length, random_offset, seed)
    except WindowsError:
        assert characters < batch_size * length + (length if random_offset else 1)
        return
    elements = list(windows.dataset.as_numpy_iterator())
    assert len(elements) == windows.steps
    inputs, targets = (np.concatenate(each, axis=1) for each in zip(*elements, strict=True))
    assert np.array_equal(targets, inputs + 1)  # each target is the next character
    seen = targets.ravel()  # row after row
    assert np.array_equal(seen, np.arange(seen[0], seen[0] + windows.characters))
    assert 1 <= seen[0] <= (length if random_offset else 1) and seen[-1] < characters
    assert windows.left_over == characters - 1 - windows.characters


@given(st.integers(0, 8 * EXAMPLES), st.integers(1, 9), st.integers(1, 200))
def test_evaluation_windows_count_each_target_once_in_order(characters, batch_size, length):
    ids = np.arange(characters)
    if characters < 2:
        with pytest.raises(WindowsError, match="at least 2 characters"):
            evaluation_windows(ids, batch_size, length)
        return
    elements = list(evaluation_windows(ids, batch_size, length).dataset.as_numpy_iterator())
    inputs, targets, weights = (np.concatenate(each, axis=1) for each in zip(*elements, strict=True))
    counted = weights > 0
    assert np.array_equal(targets[counted], np.arange(1, characters))
    assert np.array_equal(inputs[counted] + 1, targets[counted])


@settings(max_examples=2 * EXAMPLES)
@given(st.text(min_size=1, max_size=30), st.integers(0, 60))
def test_utf8_cut_at_any_place_is_a_text_or_refused(text, end):
    data = text.encode()[:end]
    pathlib.Path("a.txt").write_bytes(data)
    try:
        wanted = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        with pytest.raises(CorpusError, match=r"a\.txt"):
            corpora.load(path="a.txt")
        return
    try:
        loaded = corpora.load(path="a.txt").text
    except CorpusError:
        assert not wanted.strip() or "\0" in wanted  # of UTF-16
        return
    assert loaded == wanted.replace("\r\n", "\n").replace("\r", "\n")


wild = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.complex_numbers()
    | st.lists(st.integers(), max_size=2) | st.decimals() | st.fractions() | st.floats(0, 1).map(np.float32)
    | st.integers(0, 9).map(np.int64)
)  # fmt: skip


@settings(max_examples=2 * EXAMPLES)
@given(temperature=wild, top_k=wild, top_p=wild, seed=wild)
def test_settings_of_a_sampler_are_accepted_or_refused(temperature, top_k, top_p, seed):
    try:
        sampling = Sampling(temperature, top_k, top_p, seed)
    except SettingsError as error:
        assert "; received " in str(error)
        return
    assert all(np.isfinite(np.float32(each)) for sampler in sampling.samplers for each in sampler.numbers)
    assert -(2**31) <= sampling.seed < 2**31
    asked = {"temperature": True, "top_k": top_k is not None, "top_p": top_p is not None}
    assert [each.name for each in sampling.samplers] == [name for name, is_asked in asked.items() if is_asked]


@settings(max_examples=2 * EXAMPLES)
@given(
    st.floats(0, 1e6) | st.sampled_from([0, 1e-45, 1e-300, 1e38, 1e39, 1e308, 10**400]),
    st.none() | st.integers(1, 2**31 - 1),
    st.none() | st.floats(0, 1, exclude_min=True),
    st.none() | st.integers(0, 2**32 - 1),
)
def test_settings_within_their_ranges_are_accepted(temperature, top_k, top_p, seed):
    sampling = Sampling(temperature, top_k, top_p, seed)
    numbers = {each.name: np.float32(each.numbers[0]) for each in sampling.samplers}
    assert all(map(np.isfinite, numbers.values())) and numbers.get("top_p", 1) > 0
    assert sampling.greedy == (temperature < LEAST)


few = st.text("ab☃", max_size=40)


@settings(max_examples=2 * EXAMPLES)
@given(st.lists(few, max_size=3), few, st.integers(1, 9), st.integers(1, 12), st.integers(1, 6))
def test_what_a_text_repeats_is_what_a_search_finds(monkeypatch, samples, corpus, size, block, piece):
    monkeypatch.setattr("keras_charrnn.text.verbatim.BLOCK", block)
    monkeypatch.setattr("keras_charrnn.text.verbatim.PIECE", piece)
    found = memorization(samples, [corpus[i : i + size] for i in range(0, len(corpus), size)])
    every = {each[i:j] for each in samples for i in range(len(each)) for j in range(i, len(each) + 1)}
    assert found.longest in every | {""} and found.longest in corpus
    assert found.length == max((len(each) for each in every if each in corpus), default=0)
    pieces = [each[i : i + piece] for each in samples for i in range(len(each) - piece + 1)]
    assert found.share == (sum(each in corpus for each in pieces) / len(pieces) if pieces else None)
