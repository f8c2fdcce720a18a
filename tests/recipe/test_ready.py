"""The recipes that come with the package."""

import configparser
import pathlib

import pytest
import setuptools
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import ready

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]


def test_a_name_is_the_recipe_unless_there_is_a_file_of_that_name(tiny):
    assert ready.names() == sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
    for name in ready.names():
        assert keras_charrnn.read_recipe(name) == keras_charrnn.read_recipe(ROOT / "recipes" / f"{name}.yaml")
    pathlib.Path("shakespeare").write_text(yaml.safe_dump(tiny))
    assert keras_charrnn.read_recipe("shakespeare").corpus.path == tiny["corpus"]["path"]
    with pytest.raises(RecipeError, match="did you mean 'shakespeare_best'"):
        keras_charrnn.read_recipe("shakespeare_bst")


def test_they_are_listed_and_copied(capsys):
    assert main(["recipes"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for name in ready.names():
        what, expected = ready.about(name)
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
    assert sorted(config["options"]["packages"].split()) == sorted([*found, "keras_charrnn.recipes"])
