import pathlib

import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import Recipe, describe_keys, parse_override, read
from keras_charrnn.text.windows import training_windows

RECIPES = sorted((pathlib.Path(keras_charrnn.__file__).parents[1] / "recipes").glob("*.yaml"))
SMALL = {"corpus": {"name": "python_stdlib"}}


def problems(source, overrides=None):
    with pytest.raises(RecipeError) as caught:
        read(source, overrides)
    return caught.value.problems


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_of_the_repository_is_valid_and_says_how_to_run_it(path):
    recipe = read(path)
    assert recipe.name == path.stem
    header = path.read_text().split("name:")[0]
    assert f"keras-charrnn train recipes/{path.name}" in header
    assert "nats per character" in header


def test_there_are_recipes():
    assert {path.name for path in RECIPES} >= {"quickstart.yaml", "shakespeare.yaml"}


@pytest.mark.parametrize("name", ["naive", "rnn", "gru", "lstm"])
def test_the_rows_of_the_article_are_five_windows_of_200_characters(name):
    recipe = read(RECIPES[0].with_name(f"article_{name}.yaml"))
    characters = int(recipe.split.train * 1_115_394)  # of tiny_shakespeare
    windows = training_windows(np.arange(characters), recipe.windows.batch_size, 200, recipe.windows.random_offset)
    first = next(iter(windows.dataset))[0]
    assert recipe.windows.length == 200 and windows.steps == 5
    assert np.array_equal(first[:, 0], np.arange(characters // 1000) * 1000)


def test_every_key_has_a_default_and_survives_the_file(tmp_path):
    recipe = read(SMALL)
    (tmp_path / "copy.yaml").write_text(recipe.to_yaml())
    assert read(tmp_path / "copy.yaml") == recipe
    assert read(recipe) == recipe
    assert recipe.windows.batch_size == 64 and recipe.model.cell == {"name": "gru"}


def test_a_file_names_its_run_and_its_folder_begins_its_paths(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my poem.yaml").write_text("corpus: {path: [a.txt, /b/*.txt]}\n")
    recipe = read("sub/my poem.yaml")
    assert recipe.name == "my-poem"
    assert recipe.corpus.path == (str(tmp_path / "sub" / "a.txt"), "/b/*.txt")
    assert read("sub/my poem.yaml", {"corpus.path": "c.txt"}).corpus.path == str(tmp_path / "c.txt")


def test_all_problems_come_at_once_each_with_its_path():
    found = problems(
        {
            "corpus": {"name": "tiny_shakespear"},
            "windws": {},
            "windows": {"batch_size": 0, "length": -3},
            "model": {"cell": "gruu", "unts": 3, "embedding": "onehot"},
            "training": {"epochs": "ten", "optimizer": {"name": "adm"}, "clip_norm": 1, "clip_value": 2},
        }
    )
    expected = [
        "windws: unknown key, did you mean 'windows'?",
        "windows.batch_size: must be a whole number from 1 to 1,000,000,000, not 0",
        "windows.length: must be a whole number from 1 to 1,000,000,000, not -3",
        "model.unts: unknown key, did you mean 'units'?",
        "model.embedding: must be a whole number from 1 to 1,000,000,000 or one_hot, not 'onehot', did you mean",
        "training.epochs: must be a whole number from 1 to 1,000,000,000, not 'ten'",
        "training.optimizer.name: must be adam, adamw",
        "corpus.name: unknown corpus 'tiny_shakespear', did you mean 'tiny_shakespeare'?",
    ]
    for start in expected:
        assert any(problem.startswith(start) for problem in found), (start, found)
    assert len(found) == len(expected)
    assert problems({**SMALL, "model": {"cell": "gruu"}})[0].startswith("model.cell: unknown cell 'gruu', did you mean")


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({}, "corpus: is missing"),
        ({"corpus": None}, "corpus: is missing"),
        ({"corpus": {"name": "python_stdlib", "path": "a"}}, "corpus: has both name and path"),
        ({"corpus": {"path": []}}, "corpus.path: must be a path or glob or a list of paths or globs, or null, not []"),
        ({"corpus": ["a"]}, "corpus: must be a mapping of some of the keys name, path, else, max_bytes"),
        ({**SMALL, "split": {"train": 0.9, "validation": 0.2}}, "split: the shares add up to 1.1"),
        ({**SMALL, "split": {"train": 0}}, "split.train: must be a number above 0 and at most 1, not 0"),
        ({**SMALL, "model": {"units": True}}, "model.units: must be a whole number"),
        ({**SMALL, "model": {"dropout": 1}}, "model.dropout: must be a number at least 0 and below 1, not 1"),
        ({**SMALL, "model": {"cell": {"name": "gru", "units": 3}}}, "model.cell.units: is the cell's width"),
        ({**SMALL, "training": {"clip_norm": 1, "clip_value": 1}}, "training: clip_norm and clip_value exclude"),
        ({**SMALL, "samples": {"temperatures": [-1]}}, "samples.temperatures: must be a list of one or more numbers"),
        ({**SMALL, "samples": {"temperatures": [float("nan")]}}, "samples.temperatures: must be"),
        ({**SMALL, "compute": {"precision": "float16"}}, "compute.precision: must be auto, float32 or bfloat16"),
        (
            {**SMALL, "states": {"reset": "epok"}},
            "states.reset: must be epoch, never, window, line or document, not 'epok', did you",
        ),
        (
            {**SMALL, "name": "a/b"},
            "name: must be letters and digits of any script, -, _ and ., not first - or ., 180 bytes",
        ),
        ({**SMALL, "plugins": ["none.py"]}, "plugins[0]: plugin"),
        ({**SMALL, 3: 4}, "3: unknown key"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_accepted(mapping, problem):
    found = problems(mapping)
    assert len(found) == 1 and found[0].startswith(problem), found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; write at least"),
        ("- a\n- b\n", "must be a mapping, as in"),
        ("just text", "not 'just text'; for a text `keras-charrnn new` writes one"),
        ("corpus: {path: a\n", "line 1, column 9: no valid YAML: while parsing a flow mapping"),
        ("model: {units: 1}\nmodel: {units: 2}\ncorpus: {path: a}\n", "model: is given twice, in lines 1 and 2"),
        ("corpus: !!python/object/apply:os.system [ls]\n", "line 1, column 9: no valid YAML: could not determine"),
        ("a: \x07\n", "line 1: no valid YAML: character 0x7 is not allowed"),
        ("a: !!int 2024-99-99\n", "line 1, column 4: no valid YAML: not a value"),
        ("[" * 40, "no valid YAML: nested more than 20 deep"),
    ],
)
def test_a_file_that_is_no_recipe_says_where(tmp_path, text, problem):
    (tmp_path / "r.yaml").write_text(text)
    assert any(problem in each for each in problems(tmp_path / "r.yaml"))


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"corpus: \xff\n")
    assert problems("mine.yaml") == ["is not UTF-8: byte 8 (0xff), in line 1; save it as UTF-8"]
    assert problems("mine.yml") == ["there is no such file, did you mean 'mine.yaml'?"]
    assert problems(tmp_path) == ["is a folder; a recipe is a YAML file"]
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
    )
    (tmp_path / "bomb.yaml").write_text(bomb)
    assert "too many values, or aliases of aliases" in problems("bomb.yaml")[0]


def test_overrides_lie_over_the_recipe_and_leave_the_rest():
    source = {**SMALL, "model": {"layers": 2}, "training": {"optimizer": "sgd"}}
    recipe = read(source, {"model.units": 7, "training.optimizer.learning_rate": 0.5, "windows": {"length": 9}})
    assert (recipe.model.units, recipe.model.layers, recipe.windows.length) == (7, 2, 9)
    assert recipe.training.optimizer == {"name": "sgd", "learning_rate": 0.5}
    assert source["model"] == {"layers": 2}
    assert problems(SMALL, {"model.unit": 3})[0].startswith("model.unit: unknown key, did you mean 'units'?")
    assert problems(SMALL, [1])[0].startswith("overrides: must be a mapping such as")
    assert problems({**SMALL, "model": 3}, {"model.units": 3})[0].startswith(
        "model.units: cannot be set, for model is 3"
    )


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("model.units=256", ("model.units", 256)),
        ("training.optimizer.learning_rate=1e-3", ("training.optimizer.learning_rate", 0.001)),
        ("samples.prefix=ROMEO:", ("samples.prefix", "ROMEO:")),
        ("samples.temperatures=[0.5, 1]", ("samples.temperatures", [0.5, 1])),
        ("model.cell={name: gru}", ("model.cell", {"name": "gru"})),
        ("corpus.path=a=b.txt", ("corpus.path", "a=b.txt")),
    ],
)
def test_an_override_is_a_path_and_yaml(text, pair):
    assert parse_override(text) == pair


@pytest.mark.parametrize("text", ["model.units", "=3", ""])
def test_an_override_without_path_or_value_is_refused(text):
    with pytest.raises(RecipeError, match="sets nothing; write a path, '=' and a value"):
        parse_override(text)
    with pytest.raises(RecipeError, match="no valid YAML"):
        parse_override("a=[1")


def test_every_key_is_described():
    rows = describe_keys()
    assert len(rows) >= 35
    assert all(description and accepted for _, _, description, accepted in rows)
    assert {path.split(".")[0] for path, *_ in rows} == set(Recipe().to_mapping())
