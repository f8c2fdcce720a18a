"""What comes with the package: recipes, and trained models."""

import configparser
import json
import pathlib
import shutil

import pytest
import setuptools
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common import ready
from keras_charrnn.errors import RecipeError, RunError

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]


def test_a_name_is_the_recipe_unless_there_is_a_file_of_that_name(tiny):
    assert ready.recipes() == sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
    for name in ready.recipes():
        assert keras_charrnn.read_recipe(name) == keras_charrnn.read_recipe(ROOT / "recipes" / f"{name}.yaml")
    pathlib.Path("shakespeare").write_text(yaml.safe_dump(tiny))
    assert keras_charrnn.read_recipe("shakespeare").corpus.path == tiny["corpus"]["path"]
    with pytest.raises(RecipeError, match="did you mean 'shakespeare_best'"):
        keras_charrnn.read_recipe("shakespeare_bst")


def test_they_are_listed_and_copied(capsys):
    assert main(["recipes"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for name in ready.recipes():
        what, expected = ready.about_recipe(name)
        assert name in out and what and expected and "(" not in expected, name
    assert main(["recipes", "--copy", "shakespeare"]) == 0
    assert capsys.readouterr().out == "shakespeare.yaml\n    keras-charrnn train shakespeare.yaml\n"
    copied = pathlib.Path("shakespeare.yaml").read_text()
    assert copied == (ROOT / "recipes" / "shakespeare.yaml").read_text()
    assert main(["recipes", "--copy", "shakespeare"]) == 2
    assert "shakespeare.yaml exists already" in capsys.readouterr().err
    assert main(["recipes", "--copy", "shakespear"]) == 2
    assert "there is no recipe 'shakespear', did you mean 'shakespeare'?" in capsys.readouterr().err


def test_the_distribution_has_every_package_and_the_recipes():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    found = setuptools.find_packages(ROOT, include=["keras_charrnn*"])
    assert sorted(config["options"]["packages"].split()) == sorted(
        [*found, "keras_charrnn.runs.ready", "keras_charrnn.recipes"]
    )


def test_the_models_are_what_the_index_says_and_answer_to_their_names(capsys):
    assert main(["models"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert set(ready.models()) == {path.stem for path in ready.MODELS.glob("*.keras")} and len(ready.models()) >= 2
    for name, facts in ready.models().items():
        assert name in out and f"{facts['nats_per_character']:.4f}" in out and facts["corpus_sha256"][:16] in out
        path = ready.MODELS / f"{name}.keras"
        assert path.stat().st_size <= 3_000_000
        assert facts["nats_per_character_in_float32"] == pytest.approx(facts["nats_per_character"], abs=0.001)
        assert all(command.startswith("keras-charrnn ") for command in facts["commands"])


def test_a_model_writes_and_scores_and_a_run_begins_from_it(capsys, tiny, console):
    assert main(["sample", "shakespeare", "--prefix", "ROMEO:", "--length", "20", "--seed", "1"]) == 0
    assert capsys.readouterr().out.startswith("ROMEO:")
    pathlib.Path("my.txt").write_text("To be, or not to be, that is the question.\n" * 100)
    assert main(["score", "shakespeare", "my.txt", "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert score["nats_per_character"] < 3
    recipe = {"corpus": {"path": "my.txt"}, "windows": {"batch_size": 4, "length": 8}, "start": {"from": "shakespeare"}}
    plan = keras_charrnn.read_recipe(recipe)
    assert plan.start.source == str(ready.MODELS / "shakespeare.keras")
    assert plan.model.units == keras_charrnn.load("shakespeare").settings.units


def test_a_file_of_the_same_name_wins_and_a_damaged_model_is_told(monkeypatch, tmp_path, make_model, capsys):
    make_model().save("own.keras")
    pathlib.Path("own.keras").rename("names")
    with pytest.raises(RunError, match="names is not a run folder"):
        keras_charrnn.load("names")
    folder = shutil.copytree(ready.MODELS, tmp_path / "ready")
    monkeypatch.setattr(ready, "MODELS", folder)
    data = (folder / "shakespeare.keras").read_bytes()
    (folder / "shakespeare.keras").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(RunError, match=r"'shakespeare' of the package, .*, is damaged; install keras-charrnn again"):
        keras_charrnn.load("shakespeare")
    (folder / "shakespeare.keras").unlink()
    assert main(["sample", "shakespeare"]) == 2
    assert "is damaged; install" in capsys.readouterr().err
