"""Splits that have files of their own."""

import json
import pathlib

import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import CharRNNError, CorpusError
from tests.conftest import TEXT


@pytest.fixture
def apart(tiny):
    """Return a recipe whose splits are files."""
    pathlib.Path("val.txt").write_text(TEXT[:500])
    pathlib.Path("test.txt").write_text("the lazy dog jumps. " * 9)
    here = pathlib.Path.cwd()
    tiny["corpus"] |= {"validation": str(here / "val.txt"), "test": [str(here / "test.txt")]}
    return tiny


def test_files_are_the_splits_and_all_else_is_trained_on(apart, console):
    run = keras_charrnn.fit(apart, {"training.epochs": 1}, console=console)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["split"] == {"train": len(TEXT), "validation": 500, "test": 180}
    assert run.metrics["val_loss"] == pytest.approx(run.model.score(TEXT[:500]).nats_per_character, rel=1e-4)
    for split, text in (("validation", TEXT[:500]), ("test", pathlib.Path("test.txt").read_text())):
        found = keras_charrnn.evaluate(run, split=split)
        assert found.nats_per_character == pytest.approx(run.model.score(text).nats_per_character, rel=1e-4)
    counts = environment["vocabulary"]["counts"]
    assert counts["l"] == (TEXT + TEXT[:500] + "the lazy dog jumps. " * 9).count("l")
    pathlib.Path("val.txt").write_text(TEXT[:501])
    with pytest.raises(CorpusError, match="is not the text that"):
        keras_charrnn.evaluate(run)


def test_one_of_them_may_be_a_share(apart, console):
    apart["corpus"]["test"] = None
    apart["split"] = {"validation": 0, "test": 0.2}
    run = keras_charrnn.fit(apart, {"training.epochs": 1}, console=console)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["split"] == {"train": 2624, "validation": 500, "test": 656} and "val_loss" in run.metrics
    assert np.isfinite(keras_charrnn.evaluate(run, split="test").nats_per_character)


def test_an_empty_or_missing_file_is_told(apart, console, capsys):
    pathlib.Path("val.txt").write_text("")
    with pytest.raises(CorpusError, match=r"val.txt is empty; give it some text"):
        keras_charrnn.fit(apart, console=console)
    with pytest.raises(CharRNNError, match=r"there is no file .*gone.txt"):
        keras_charrnn.fit(apart, {"corpus.validation": "gone.txt"}, console=console)
    pathlib.Path("val.txt").write_text("Ω")
    with pytest.raises(CharRNNError, match="at least 2 characters"):
        keras_charrnn.fit(apart, console=console)
    assert not pathlib.Path("runs").exists()


def test_they_are_given_on_the_command_line(apart, capsys):
    pathlib.Path("r.yaml").write_text(json.dumps({**apart, "corpus": {"path": apart["corpus"]["path"]}}))
    assert main(["train", "r.yaml", "--set", "corpus.validation=val.txt", "--set", "training.epochs=1"]) == 0
    assert "(3,280 train, 500 validation)" in capsys.readouterr().out
