import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import CharRNN
from keras_charrnn.errors import SettingsError, VocabularyError, WindowsError
from keras_charrnn.model import evaluation
from keras_charrnn.text.vocabularies import Vocabulary
from tests.conftest import TEXT


def nats_by_steps(model, ids):
    """Return the nats of all ids (…, T) but the first, by stepping from the initial states and a softmax in NumPy."""
    rows = np.atleast_2d(ids).astype("int32")
    before = tf.zeros((len(rows), len(model.vocabulary))), model.initial_states(len(rows))
    step_all = tf.function(lambda ids: tf.scan(lambda last, each: model.step(each, last[1]), ids, before)[0])
    exponentials = np.exp(step_all(rows.T[:-1]).numpy().astype("float64"))  # (T - 1, rows, V)
    picked = np.take_along_axis(exponentials, rows.T[1:, :, None], -1)[..., 0]
    return -np.log(picked / exponentials.sum(-1)).T.reshape(*np.shape(ids)[:-1], -1)


@pytest.fixture(scope="module")
def model():
    """One for all tests: what it compiles for one of them serves the others."""
    keras.utils.set_random_seed(1)
    return CharRNN(Vocabulary(TEXT), cell="gru", units=12, embedding=6, layers=2)


@pytest.fixture(scope="module")
def nats_of_text(model):
    """The nats of the beginning of the text, one after the other."""
    return nats_by_steps(model, model.vocabulary.encode(TEXT[:3000]))


@pytest.mark.parametrize("characters", [2, 3, 40, 130, 3000])
def test_a_score_is_minus_the_log_probability_of_each_character(model, nats_of_text, characters):
    wanted = nats_of_text[: characters - 1]
    score = model.score(TEXT[:characters])
    np.testing.assert_allclose(score.nats, wanted, atol=1e-4)
    assert score.characters == characters - 1
    np.testing.assert_allclose(score.nats_per_character, np.mean(wanted), rtol=1e-5)
    np.testing.assert_allclose(score.bits_per_character, np.mean(wanted) / np.log(2), rtol=1e-5)
    np.testing.assert_allclose(score.perplexity, np.exp(np.mean(wanted)), rtol=1e-4)


@pytest.mark.parametrize("sizes", [[1, 1, 1, 200, 0, 57], [130, 130], [300, 2200, 1], [2501]])
def test_a_text_in_pieces_has_the_score_of_the_whole(model, nats_of_text, sizes):
    ends = np.cumsum(sizes)
    pieces = [TEXT[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    scored = list(model.scorer.stream(iter(pieces)))
    assert [piece for piece, _ in scored] == [*filter(None, pieces)]
    assert [len(nats) for _, nats in scored] == [*filter(None, sizes)]
    nats = np.concatenate([nats for _, nats in scored])
    assert np.isnan(nats[0])
    np.testing.assert_allclose(nats[1:], nats_of_text[: ends[-1] - 1], atol=1e-4)


def test_a_long_text_is_read_in_pieces(model, nats_of_text, monkeypatch):
    ids = model.vocabulary.encode(TEXT[:700])
    monkeypatch.setattr(evaluation, "PIECE", 300)
    pieces = list(model.scorer.surprise(ids))
    assert [len(each) for each in pieces] == [299, 300, 100]
    np.testing.assert_allclose(np.concatenate(pieces), nats_of_text[:699], atol=1e-4)


def test_dropped_characters_have_no_score_and_change_no_other(make_model):
    model = make_model()
    model.vocabulary = Vocabulary(TEXT, unknown="drop")
    nats = np.concatenate([nats for _, nats in model.scorer.stream(["☃th☃", "☃☃", "e q☃"])])
    assert np.flatnonzero(np.isnan(nats)).tolist() == [0, 1, 3, 4, 5, 9]
    np.testing.assert_allclose(nats[~np.isnan(nats)], model.score("the q").nats, atol=1e-5)


def test_random_windows_are_those_of_the_seed_from_the_initial_states(model):
    ids = model.vocabulary.encode(TEXT[:300])
    nats, symbols, characters = model.scorer.windows(ids, seed=5, batches=1)
    starts = np.random.default_rng(5).integers(0, 300 - 256, 64)
    wanted = nats_by_steps(model, np.array([ids[start : start + 257] for start in starts]))
    assert symbols == characters == np.size(wanted) == 64 * 256
    np.testing.assert_allclose(nats, np.sum(wanted), rtol=1e-5)
    assert nats == model.scorer.windows(ids, seed=5, batches=1)[0] != model.scorer.windows(ids, seed=6, batches=1)[0]


def test_random_windows_reach_the_last_character_and_need_257(model, nats_of_text):
    ids = model.vocabulary.encode(TEXT[:257])
    nats, symbols, _ = model.scorer.windows(ids, batches=1)  # there is one window only
    np.testing.assert_allclose(nats / symbols, nats_of_text[:256].mean(), rtol=1e-5)
    with pytest.raises(
        WindowsError, match=r"a\.txt: the protocol windows needs at least 257 characters; there are 256"
    ):
        model.scorer.windows(ids[:256], what="a.txt")


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("text", ["the\n\nquick\nbrown", "\nthe\n", "the", "", "x" * 500 + "\n"])
def test_lines_have_the_sums_of_their_characters_however_the_text_comes(rng, text, size):
    nats = rng.random(len(text)).astype("float32")
    nats[:1] = np.nan
    lines, found = evaluation.Lines(), []
    for begin in range(0, len(text), size):
        found += lines.add(text[begin : begin + size], nats[begin : begin + size])
    found += lines.end()
    wanted = text.splitlines(keepends=True)
    assert [line.beginning for line in found] == [line.rstrip("\n")[:200] for line in wanted]
    assert [line.number for line in found] == list(range(1, len(wanted) + 1))
    end = 0
    for line, whole in zip(found, wanted, strict=True):
        begin, end = end, end + len(whole)
        predicted = nats[max(1, begin) : end]
        assert line.characters == len(predicted)
        if line.characters:
            np.testing.assert_allclose(line.nats_per_character, predicted.mean(), rtol=1e-5)
        else:
            assert np.isnan(line.bits_per_character)


@pytest.mark.parametrize("text", ["", "t"])
def test_a_score_needs_two_characters(model, text):
    with pytest.raises(SettingsError, match="at least 2 characters"):
        model.score(text)


def test_a_score_names_unknown_characters(model):
    with pytest.raises(VocabularyError, match="the text has the character 'é'"):
        model.score("thé")
    with pytest.raises(VocabularyError, match=r"a\.txt has the character 'é' \(U\+00E9\), at 7 \(line 3\), which"):
        list(model.scorer.stream(["th\n", "e\n", "qué"], "a.txt"))


def test_bits():
    assert evaluation.bits(np.log(2)) == pytest.approx(1)
