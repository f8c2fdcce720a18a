"""Runs on bytes, words and the pieces of plugins: their losses are per character of the text."""

import json
import pathlib

import numpy as np
import pytest

import keras_charrnn
from keras_charrnn import CharRNN, read_recipe, report
from keras_charrnn.cli.main import main
from keras_charrnn.errors import CharRNNError, SettingsError
from keras_charrnn.model import Ensemble
from keras_charrnn.runs import measures
from keras_charrnn.studies.comparison import compare
from keras_charrnn.text.vocabularies import ByteVocabulary, WordVocabulary
from keras_charrnn.training import callbacks
from tests.conftest import TEXT, train_once

ACCENTED = TEXT.replace("e", "é")


@pytest.fixture(scope="module")
def on_bytes(once):
    """A run on the bytes of a file that is no text, trained once."""

    def make(folder):
        (folder / "data.bin").write_bytes(ACCENTED.encode() + b"\xff\x80\r\n" * 40)
        train_once(folder, {"vocabulary": {"unit": "byte"}, "corpus": {"path": str(folder / "data.bin")}}.items())

    return keras_charrnn.Run.open(once("on_bytes", make) / "runs" / "tiny-001")


@pytest.fixture(scope="module")
def on_words(once):
    return keras_charrnn.Run.open(
        once("on_words", lambda folder: train_once(folder, {"vocabulary": {"unit": "word", "most": 40}}.items()))
        / "runs"
        / "tiny-001"
    )


def by_hand(model, ids):
    """Return the nats of all ids but the first, by the logits of the whole text at once."""
    logits = model.predict(ids[None].astype(np.int32), verbose=0)[0, :-1].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(ids) - 1), ids[1:]]


def test_the_loss_of_words_is_per_character(on_words):
    model, part = on_words.model, measures._read_split((on_words,), on_words.model, "validation")[1]
    nats = by_hand(model, part)
    characters = sum(len(model.vocabulary.symbols[each]) for each in part[1:])
    found = keras_charrnn.evaluate(on_words)
    assert found.nats_per_character == pytest.approx(nats.sum() / characters, rel=1e-4)
    assert found.nats_per_symbol == pytest.approx(nats.mean(), rel=1e-4) and found.symbols == len(nats) < characters
    assert (found.unit, found.characters) == ("word", characters)
    assert on_words.metrics["val_loss"] == pytest.approx(found.nats_per_character, rel=1e-4)
    random = keras_charrnn.evaluate(on_words, TEXT * 3, protocol="windows")
    assert random.symbols == 12800 * 256 < random.characters


def test_a_text_has_the_same_figures_by_every_way(on_words, tmp_path):
    text = TEXT[:300] + "quixotic vexing"
    ids = on_words.model.vocabulary.encode(text)
    nats, first = by_hand(on_words.model, ids), on_words.model.vocabulary.lengths[ids[0]]
    score = on_words.model.score(text)
    assert score.characters == len(text) - first and score.symbols == len(nats)
    assert score.nats_per_character == pytest.approx(nats.sum() / (len(text) - first), rel=1e-4)
    assert score.nats_per_symbol == pytest.approx(nats.mean(), rel=1e-4)
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
    streamed = measures.evaluate_pieces(on_words, pieces, "text", dynamic=True)
    assert streamed.nats_per_character == pytest.approx(score.nats_per_character, rel=1e-4)
    assert (streamed.characters, streamed.symbols) == (score.characters, score.symbols)
    assert streamed.dynamic.nats_per_character == pytest.approx(score.nats_per_character, rel=0.3)


def test_the_weighted_loss_of_windows_is_per_character():
    vocabulary = WordVocabulary(["a", "bb", "cccc"])
    model = CharRNN(vocabulary, "gru", 4, embedding=4)
    model.compile("adam")
    ids = np.array([[0, 1, 2, 0, 2, 1, 1, 0]], np.int32)
    weights = np.array([[1, 0, 2, 1, 0, 1, 1]], np.float32)
    nats = by_hand(model, ids[0])
    expected = (nats * weights[0]).sum() / (vocabulary.lengths[ids[0, 1:]] * weights[0]).sum()
    assert model.evaluate(ids[:, :-1], ids[:, 1:], sample_weight=weights, verbose=0) == pytest.approx(
        expected, rel=1e-4
    )
    watching = callbacks.Divergence()
    history = model.fit(ids[:, :-1], ids[:, 1:], sample_weight=weights, verbose=0, callbacks=[watching])
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-4)
    assert float(watching.variables[0]) == pytest.approx(expected, rel=1e-4)  # what a divergence is told by


def test_any_file_is_learned_and_written_as_bytes(on_bytes, tmp_path, capsys):
    environment = json.loads((on_bytes.folder / "environment.json").read_text())
    assert environment["vocabulary"]["unit"] == "byte" and environment["vocabulary"]["symbols"] == 256
    assert report.write_report(on_bytes.folder)
    command = ["sample", str(on_bytes.folder), "--temperature", "3", "--seed", "1", "--length", "500"]
    assert main([*command, "--output", "out.bin"]) == 0
    data = pathlib.Path("out.bin").read_bytes()
    assert len(data) == 500 and data.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}") > 50
    assert data.decode("utf-8", "surrogateescape") == on_bytes.model.generate(length=500, temperature=3, seed=1)
    streamed = "".join(on_bytes.model.stream(length=500, temperature=3, seed=1))
    assert streamed.encode("utf-8", "surrogateescape") == data
    capsys.readouterr()
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert len(shown) > 100  # and no error of an encoding


def test_a_file_is_scored_as_bytes(on_bytes, tmp_path, capsys):
    data = b"\xff\x80\r\n" * 9 + "é".encode() * 9
    (tmp_path / "a.bin").write_bytes(data)
    assert main(["score", str(on_bytes.folder), "a.bin", "--json", "--lines"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["symbols"] == len(data) - 1 and found["unit"] == "byte"
    assert found["nats_per_symbol"] * found["symbols"] == pytest.approx(
        by_hand(on_bytes.model, np.frombuffer(data, np.uint8)).sum(), rel=1e-3
    )
    assert main(["evaluate", str(on_bytes.folder), "--text", "a.bin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["symbols"] == len(data) - 1
    assert main(["inspect", str(on_bytes.folder), "--text", "a.bin"]) == 0


def test_a_stop_text_and_a_prefix_go_by_characters(on_bytes, on_words):
    made = on_words.model.generate("the ", length=200, temperature=1, seed=2)
    stop = made[60:64]
    text = on_words.model.generate("the ", length=200, temperature=1, seed=2, stop=stop)
    assert text == made[: 4 + made[4:].index(stop)]
    assert on_bytes.model.generate("é日", length=0) == "é日"


def test_two_models_of_bytes_have_one_vocabulary(on_bytes):
    other = CharRNN.from_config(on_bytes.model.get_config())
    other.set_weights([0.9 * each for each in on_bytes.model.get_weights()])
    assert Ensemble([on_bytes.model, other], ["a", "b"]).score("any text é").symbols == 10
    words = CharRNN(WordVocabulary(["a", "b"]), "gru", 8, embedding=4)
    with pytest.raises(SettingsError, match="vocabularies are of other units, byte and word"):
        Ensemble([on_bytes.model, words], ["a", "b"])


def test_a_model_of_another_unit_is_no_start(on_bytes, on_words, tiny, console):
    with pytest.raises(CharRNNError, match=r"vocabulary.unit: is word, and the model .* has the unit byte; write that"):
        keras_charrnn.fit(
            {**tiny, "model": {}, "vocabulary": {"unit": "word"}, "start": {"from": str(on_bytes.folder)}},
            console=console,
        )
    assert not pathlib.Path("runs").exists()
    run = keras_charrnn.fit(
        {**tiny, "model": {}, "vocabulary": {"unit": "word"}, "start": {"from": str(on_words.folder)}},
        {"training.epochs": 1},
        console=console,
    )
    known = on_words.model.vocabulary.symbols
    assert run.model.vocabulary.symbols[: len(known)] == known and len(run.model.vocabulary) > len(known)


def test_units_are_compared_per_character(tiny, console):
    found = compare(tiny, vocabularies=["character", "byte", {"name": "word", "most": 60}], console=console)
    assert found.complete and not found.failed, [each.error for each in found.variants]
    for variant in found.variants:
        run = keras_charrnn.Run.open(found.folder / variant.trials[0].run)
        assert keras_charrnn.evaluate(run).nats_per_character == pytest.approx(variant.nats_per_character, rel=1e-4)
    text, of_bytes, words = found.variants
    assert text.units == words.units == 8 < words.parameters and len(words.trials[0].curve) == 2
    assert of_bytes.trials[0].curve[-1][1] == text.trials[0].curve[-1][1] < words.trials[0].curve[-1][1] * 1.3
    assert "unit" in (found.folder / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"unit": "bite"}, "vocabulary.unit: unknown vocabulary 'bite', did you mean 'byte'"),
        ({"most": 40}, "most leaves characters out; say how"),
        ({"unit": 3}, "vocabulary.unit"),
    ],
)
def test_a_wrong_unit_is_told_with_the_recipe(tiny, section, message):
    with pytest.raises(CharRNNError, match=message):
        read_recipe({**tiny, "vocabulary": section})


def test_the_bytes_of_a_plugins_recipe_are_read_as_they_are(tiny):
    assert read_recipe({**tiny, "vocabulary": {"unit": "byte"}}).reading["encoding"] == "bytes"
    assert read_recipe(tiny).reading["encoding"] == "auto"
    told = {**tiny, "corpus": {**tiny["corpus"], "encoding": "cp1252"}, "vocabulary": {"unit": "byte"}}
    assert read_recipe(told).reading["encoding"] == "cp1252"
    assert len(ByteVocabulary()) == 256
