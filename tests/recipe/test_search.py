"""The section `tune`: what it accepts, and that it tells of every mistake at once."""

import pytest

from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import read

SMALL = {"corpus": {"name": "python_stdlib"}}
LEARNING_RATE = "training.optimizer.learning_rate"


def problems(tune, **sections):
    with pytest.raises(RecipeError) as caught:
        read({**SMALL, **sections, "tune": tune})
    return caught.value.problems


def test_choices_and_ranges_are_accepted_and_survive_the_file(tmp_path):
    tune = {
        "model.units": {"from": 64, "to": 256, "step": 64},
        "model.cell": ["gru", {"name": "rhn", "depth": 2}],
        "model.embedding": ["one_hot", 32],
        LEARNING_RATE: {"from": 1e-3, "to": 0.1, "log": True},
        "training.clip_norm": [None, 1.0],
        "model": [{"layers": 2, "dropout": 0.1}, {"layers": 1}],
    }
    recipe = read({**SMALL, "tune": tune})
    assert recipe.tune[LEARNING_RATE] == {"from": 0.001, "to": 0.1, "log": True}
    assert recipe.tune["model.cell"] == ["gru", {"name": "rhn", "depth": 2}]
    (tmp_path / "copy.yaml").write_text(recipe.to_yaml())
    assert read(tmp_path / "copy.yaml").tune == recipe.tune == read(recipe).tune
    assert "tune" not in recipe.to_yaml(without=("tune",)) and read({**SMALL, "tune": None}).tune == {}


def test_keys_that_go_together_only_in_some_trials_are_accepted():
    tune = {"model.units": [64, 128], "model.embedding": [64, 128]}
    assert read({**SMALL, "model": {"units": 64, "tie_embedding": True}, "tune": tune}).tune == tune


@pytest.mark.parametrize(
    ("tune", "problem"),
    [
        ([1], "tune: must be a mapping from keys to lists of choices, or to ranges"),
        ({"model.unit": [1]}, "tune.model.unit[0]: model.unit: unknown key, did you mean 'units'?"),
        (
            {"corpus.max_bytes": [1]},
            "tune.corpus.max_bytes: is no key to search; accepted: a key within windows, model",
        ),
        ({"compute.seed": [1]}, "tune.compute.seed: is no key to search"),
        ({3: [1]}, "tune.3: is no key to search"),
        ({"model. units": [1]}, "tune.model. units: is no key to search"),
        ({"model.units": []}, "tune.model.units: must be a list of one or more choices, or a range"),
        ({"model.units": 64}, "tune.model.units: must be a list of one or more choices, or a range"),
        ({"model.units": [64, 0]}, "tune.model.units[1]: model.units: must be a whole number from 1"),
        ({"model.units": [64, 64]}, "tune.model.units[1]: is there twice"),
        ({"model.cell": ["gru", "ltsm"]}, "tune.model.cell[1]: model.cell: unknown cell 'ltsm', did you mean 'lstm'"),
        ({"model.cell.units": [3]}, "tune.model.cell.units[0]: model.cell.units: is the cell's width"),
        (
            {"model.dropout": {"from": 0.0, "to": 1.0}},
            "tune.model.dropout.to: model.dropout: must be a number at least",
        ),
        ({"model.units": {"from": 1, "to": 4.5}}, "tune.model.units.to: model.units: must be a whole number"),
        ({"model.units": {"from": 1}}, "tune.model.units: has no to; a range is {from: …, to: …}"),
        ({"model.units": {"from": 1, "to": 4, "lg": True}}, "tune.model.units.lg: unknown key, did you mean 'log'?"),
        ({"model.units": {"from": 4, "to": 4}}, "tune.model.units: must have from below to, not 4 and 4"),
        ({"model.units": {"from": 1, "to": "four"}}, "tune.model.units.to: must be a number from -1e15 to 1e15, not"),
        ({"model.units": {"from": 1, "to": 4, "log": 2}}, "tune.model.units.log: must be true or false, not 2"),
        ({"model.dropout": {"from": 0, "to": 0.5, "log": True}}, "tune.model.dropout: must have from above 0 with log"),
        ({"model.units": {"from": 1, "to": 9, "log": True, "step": 2}}, "tune.model.units: has both log and step"),
        (
            {"model.units": {"from": 1, "to": 9, "step": 9}},
            "tune.model.units.step: must be above 0 and at most to - fr",
        ),
        ({"model.units": {"from": 1, "to": 9, "step": 0.5}}, "tune.model.units.step: must be whole, as from and to"),
        ({"training.schedule.rate": [0.5]}, "tune.training.schedule.rate[0]: training.schedule.rate: unknown key"),
        ({"model.dropout": [float("nan")]}, "tune.model.dropout[0]: must be text (but for yes, no, on and off)"),
    ],
)
def test_a_wrong_search_is_told_with_its_place(tune, problem):
    found = problems(tune)
    assert found[0].startswith(problem), found
    assert all(each.startswith("tune") for each in found)


def test_all_mistakes_come_at_once_with_those_of_the_rest():
    found = problems({"model.units": [0, -1], LEARNING_RATE: {"from": -1, "to": 2}}, windows={"length": 0})
    starts = ["windows.length:", "tune.model.units[0]:", "tune.model.units[1]:", f"tune.{LEARNING_RATE}.from:"]
    assert [each.partition(" ")[0] for each in found] == starts
