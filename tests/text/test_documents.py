"""Documents that are marked, and start from nothing."""

import collections
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.text import corpora
from keras_charrnn.text.corpora import shuffling
from keras_charrnn.text.corpora.documents import Documents
from keras_charrnn.text.vocabularies import DOCUMENT
from tests.conftest import TEXT

POEMS = [f"{line}\n" for line in TEXT.splitlines()]


@given(
    st.lists(st.lists(st.text("ab*", max_size=6), min_size=1), min_size=1), st.sampled_from(["", "*", "**", "*b*"]),
    st.integers(1, 9),
)  # fmt: skip
def test_one_mark_stands_before_each_document_and_after_the_last_whatever_the_pieces(files, between, size):
    parts = [(between or "|").join(each) for each in files]
    wanted = [each for part in parts for each in (part.split(between) if between else [part])]
    pieces = ([part[k : k + size] for k in range(0, len(part), size)] for part in parts)
    found = "".join(Documents(between).mark(pieces))
    assert found == DOCUMENT + "".join(each + DOCUMENT for each in wanted if each)


def test_records_files_and_what_is_between_marks_are_documents():
    pathlib.Path("a.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in POEMS[:3]))
    pathlib.Path("one.txt").write_text("one\n***\nand two\n")
    pathlib.Path("two.txt").write_text("three\n")
    text = corpora.load(path="a.jsonl", template="{text}", documents=True)
    assert text.text == text.text == DOCUMENT + DOCUMENT.join(POEMS[:3]) + DOCUMENT and text.notes == ()
    assert corpora.load(path=["one.txt", "two.txt"], documents=True).text == "\x1eone\n***\nand two\n\x1ethree\n\x1e"
    marked = corpora.load(path=["one.txt", "two.txt"], documents=True, mark=r"***\n")
    assert marked.text == "\x1eone\n\x1eand two\n\x1ethree\n\x1e" and marked.characters == len(marked.text)


@given(st.lists(st.text(min_size=1), max_size=30), st.integers(0, 3))
def test_a_shuffle_has_the_same_documents_in_the_order_of_its_seed(documents, seed):
    found = [*shuffling.shuffle(documents, seed)]
    assert sorted(found) == sorted(documents) and found == [*shuffling.shuffle(documents, seed)]


def test_each_order_is_as_likely_as_any_other(monkeypatch):
    monkeypatch.setattr(shuffling, "FILES", 2)
    counts = collections.Counter("".join(shuffling.shuffle("abc", seed)) for seed in range(600))
    assert len(counts) == 6 and min(counts.values()) > 60  # of 100 to be expected


def test_records_files_and_parts_are_shuffled_by_a_seed():
    pathlib.Path("a.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in POEMS))
    pathlib.Path("parts.txt").write_text("*".join("abcdefgh"))
    plain = corpora.load(path="a.jsonl", template="{text}")
    one, two = (corpora.load(path="a.jsonl", template="{text}", shuffle=seed) for seed in (0, 1))
    assert sorted(one.text.splitlines()) == sorted(plain.text.splitlines())
    assert one.text == one.text != two.text != plain.text and one.sha256 == plain.sha256
    assert len({one.form, two.form, plain.form}) == 3  # by which their ids are kept apart
    parts = corpora.load(path="parts.txt", documents=True, mark="*", shuffle=0).text
    assert sorted(parts.strip(DOCUMENT).split(DOCUMENT)) == [*"abcdefgh"] and parts != DOCUMENT.join("abcdefgh")
    with pytest.raises(RecipeError, match=r"corpus.shuffle: is of files, and there is no corpus.path"):
        keras_charrnn.read_recipe({"corpus": {"name": "python_names", "shuffle": 0}})


@pytest.fixture
def poems(tiny):
    """Return a recipe on documents."""
    pathlib.Path("poems.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in POEMS))
    tiny["corpus"] = {"path": "poems.jsonl", "template": "{text}"}
    tiny["samples"]["prefix"] = None
    return {**tiny, "states": {"reset": "document"}}


def test_each_document_is_learned_scored_and_written_from_nothing(poems, console, capsys):
    run = keras_charrnn.fit(poems, {"training.epochs": 1}, console=console)
    model = run.model
    assert model.fresh_at == DOCUMENT and not model.fresh_lines
    loss = keras_charrnn.evaluate(run).nats_per_character
    assert loss == pytest.approx(run.metrics["val_loss"], rel=1e-4)
    one, two = POEMS[:2]
    whole = model.score(DOCUMENT + one + DOCUMENT + two).nats
    np.testing.assert_allclose(whole[len(one) + 2 :], model.score(DOCUMENT + two).nats[1:], rtol=1e-4)
    # A text begins where a document does, with a prefix and without.
    assert model.generate("the ", 30, seed=1) == model.generate(f"{DOCUMENT}the ", 30, seed=1)[1:]
    again = keras_charrnn.load(run.folder)
    assert again.generate(length=20, seed=2) == model.generate(length=20, seed=2)
    capsys.readouterr()
    text = corpora.load(path="poems.jsonl", template="{text}", documents=True).text
    for command in (["score", str(run.folder), "poems.jsonl"], ["evaluate", str(run.folder), "--text", "poems.jsonl"]):
        assert main([*command, "--json"]) == 0  # a table is read as the run reads its own
        found = json.loads(capsys.readouterr().out)
        found = found if isinstance(found, dict) else found[0]
        assert found["nats_per_character"] == pytest.approx(model.score(text).nats_per_character, rel=1e-4)
        assert found["characters"] == len(text) - 1
    assert main(["export", str(run.folder), "--format", "weights", "--output", "w.npz"]) == 0
    assert json.loads(pathlib.Path("w.json").read_text())["fresh_at"] == DOCUMENT


def test_what_does_not_go_with_documents_is_told(poems, make_model):
    with pytest.raises(RecipeError, match=r"corpus.mark: is of documents; write states.reset: document too"):
        keras_charrnn.read_recipe(poems, {"corpus.mark": "x", "states.reset": "epoch"})
    with pytest.raises(RecipeError, match=r"states.reset: document is of files, and there is no corpus.path"):
        keras_charrnn.read_recipe({"corpus": {"name": "python_names"}, "states": {"reset": "document"}})
    with pytest.raises(SettingsError, match=r"fresh_documents \(states.reset: document\) needs a text with marks"):
        make_model(fresh_documents=True)
    with pytest.raises(SettingsError, match="fresh_documents must be false where fresh_lines is true"):
        make_model(fresh_documents=True, fresh_lines=True)
