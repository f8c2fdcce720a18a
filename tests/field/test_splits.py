"""Shares of the corpus as people name them, a run without validation, and samples' prefixes that the text lacks."""

import contextlib
import json
import os
import pathlib
import shutil

import keras
import pytest
import rich.console
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError, SettingsError, VocabularyError
from keras_charrnn.recipe import read
from keras_charrnn.recipe.suggestion import Suggestion
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.studies.comparison import compare
from keras_charrnn.studies.tuning import tune
from keras_charrnn.text.vocabularies import Vocabulary
from keras_charrnn.training.requirements import note_of_prefix
from keras_charrnn.views.advice import advise
from tests.conftest import TEXT, tiny_recipe

SMALL = {"corpus": {"path": "a.txt"}}


def problems(source):
    with pytest.raises(RecipeError) as caught:
        read(source)
    return caught.value.problems


@pytest.mark.parametrize(
    ("named", "shares"),
    [
        ({}, (0.9, 0.1, 0.0)),
        ({"test": 0.1}, (0.8, 0.1, 0.1)),
        ({"test": 0.05}, (0.85, 0.1, 0.05)),
        ({"validation": 0.3}, (0.7, 0.3, 0.0)),
        ({"validation": 0.15, "test": 0.15}, (0.7, 0.15, 0.15)),
        ({"validation": 0}, (1.0, 0.0, 0.0)),
        ({"validation": 0, "test": 0.2}, (0.8, 0.0, 0.2)),
        ({"train": 0.8}, (0.8, 0.2, 0.0)),
        ({"train": 0.8, "test": 0.1}, (0.8, 0.1, 0.1)),
        ({"train": 0.8, "validation": 0.1}, (0.8, 0.1, 0.0)),
        ({"train": 1, "validation": 0}, (1.0, 0.0, 0.0)),
        ({"train": 0.3, "validation": 0.3, "test": 0.3}, (0.3, 0.3, 0.3)),
    ],
)
def test_shares_that_are_not_named_follow_from_those_that_are(named, shares):
    recipe = read({**SMALL, "split": named})
    split = recipe.split
    assert (split.train, split.validation, split.test) == shares
    pathlib.Path("copy.yaml").write_text(recipe.to_yaml())
    assert "split:\n  train: {}\n  validation: {}\n  test: {}\n".format(*shares) in recipe.to_yaml()
    assert read("copy.yaml") == recipe


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("train", "validation", "test"), st.floats(0, 1))))
def test_shares_leave_nothing_out_unless_all_are_named(named):
    try:
        split = read({**SMALL, "split": named}).split
    except RecipeError as error:
        assert all(each.startswith("split") for each in error.problems)
        return
    total = split.train + split.validation + split.test
    assert split.train > 0 and total <= 1 + 1e-9
    assert total == pytest.approx(1) or {"train", "validation"} <= named.keys()
    assert all(getattr(split, name) == value for name, value in named.items())


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (
            {"train": 1},
            "split: train 1 and test 0 leave nothing for validation, which chooses the best model; make one "
            "smaller, or write validation: 0 to train without",
        ),
        ({"train": 0.9, "test": 0.1}, "split: train 0.9 and test 0.1 leave nothing for validation"),
        ({"train": 0.9, "test": 0.2}, "split: train 0.9 and test 0.2 leave nothing for validation"),
        ({"validation": 0.5, "test": 0.5}, "split: validation 0.5 and test 0.5 leave nothing to train on; make one"),
        ({"validation": 1}, "split: validation 1 and test 0 leave nothing to train on"),
        (
            {"train": 0.9, "validation": 0.1, "test": 0.1},
            "split: the shares add up to 1.1; at most 1 is possible. Leave out train: it takes what is left",
        ),
    ],
)
def test_shares_that_leave_nothing_are_told_with_what_to_do(named, problem):
    (found,) = problems({**SMALL, "split": named})
    assert found.startswith(problem)


def test_the_shares_that_the_page_on_evaluation_advises_are_accepted():
    page = pathlib.Path(keras_charrnn.__file__).parents[1] / "docs" / "evaluation.md"
    assert "`split: {test: 0.1}`" in page.read_text(encoding="utf-8")
    pathlib.Path("my.yaml").write_text(Suggestion.for_text(10_000, 50).to_yaml("a.txt"), encoding="utf-8")
    assert read("my.yaml", {"split.test": 0.1}).split == read({**SMALL, "split": {"test": 0.1}}).split


class Interrupt(keras.callbacks.Callback):
    memory = ()

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.windows_done) > 120:
            raise KeyboardInterrupt


def train_without_validation(folder):
    """Train a run with an average and a budget, interrupted in its second epoch and resumed; keep what was said."""
    recipe = tiny_recipe(folder)
    recipe["split"] = {"validation": 0, "test": 0.1}
    recipe["training"] |= {"average": 0.9, "minutes": 5}
    for name, train in {
        "begun": lambda console: keras_charrnn.fit(recipe, None, folder / "runs", "u", [Interrupt()], console),
        "ended": lambda console: keras_charrnn.resume(folder / "runs" / "u-001", console=console),
    }.items():
        with pathlib.Path(os.devnull).open("w") as file:
            console = rich.console.Console(file=file, record=True, width=200)
            with contextlib.suppress(KeyboardInterrupt):
                train(console)
            (folder / f"{name}.txt").write_text(console.export_text())


@pytest.fixture
def unvalidated(once):
    return once("unvalidated", train_without_validation)


def test_a_run_without_validation_says_so_and_keeps_the_last_model(unvalidated):
    begun, ended = ((unvalidated / f"{name}.txt").read_text() for name in ("begun", "ended"))
    assert "note     split.validation is 0: no best model is chosen, and the last one is kept" in begun
    assert "Interrupted at step" in begun and "validation" not in begun.split("compute")[0].split("corpus")[1]
    run = Run.open(unvalidated / "runs" / "u-001")
    last = run.history[-1]
    assert f"training loss {last['loss']:.4f} nats per character" in ended
    assert "epoch 2; no best model is chosen, and the last one is kept" in ended
    assert run.metrics == last and [row["epoch"] for row in run.history] == [1, 2]
    assert not any(name.startswith("val") for row in run.history for name in row)
    # The average stands in the model that is kept, as in its line.
    assert last["average"] == 0.9 and len(run.model.generate("the ", 5)) == 9
    checkpoint = RunFolder(run.folder).checkpoints.newest()
    assert checkpoint.facts["finished"]
    trained = checkpoint.group("weights")
    assert any((one != two).any() for one, two in zip(trained, run.model.get_weights(), strict=False))


def test_a_run_without_validation_is_read_by_all_that_reads_runs(unvalidated, capsys):
    folder = unvalidated / "runs" / "u-001"
    finding = "Without validation the curves do not show how well the model predicts any other text."
    assert str(advise(folder)[0]) == finding
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "last training loss" in page and "no validation: the last model is kept" in page and finding in page
    assert main(["evaluate", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "has no validation split: its recipe has split.validation at 0; take another split, or a text" in error
    assert main(["evaluate", str(folder), "--split", "test", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["split"] == "test" and row["chosen_by"] is None


@pytest.mark.parametrize(
    "line",
    [
        '{"epoch": 1, "loss": 2, "val_loss": 2}',
        '{"epoch": 1, "loss": 2}\n{"epoch": 2, "loss": 2, "val_loss": 2, "val_bits_per_character": 2}',
    ],
)
def test_metrics_whose_validation_is_there_in_part_are_damaged(line):
    folder = RunFolder("run")
    folder.path.mkdir()
    folder.metrics.write_text(line + "\n")
    with pytest.raises(keras_charrnn.errors.RunError, match=r"val_.* is not what it should be"):
        folder.read_metrics()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"training": {"patience": 2}},
            "training.patience: waits for a better validation loss, and split.validation is 0",
        ),
        (
            {"callbacks": ["keras.callbacks.EarlyStopping"]},
            r"callbacks\[0\]: EarlyStopping: there is no val_loss, "
            "split.validation being 0; it can monitor loss",
        ),
    ],
)
def test_what_needs_validation_is_refused_without(tiny, change, message, console):
    with pytest.raises(RecipeError, match=message):
        keras_charrnn.fit({**tiny, "split": {"validation": 0}, **change}, console=console)
    assert not pathlib.Path("runs").exists()


def test_studies_are_refused_without_validation(tiny, console):
    tiny |= {"split": {"validation": 0}, "tune": {"model.units": [4, 8]}}
    studies = {"compare": lambda: compare(tiny, ["gru"], console=console), "tune": lambda: tune(tiny, 1)}
    for name, study in studies.items():
        with pytest.raises(SettingsError, match=f"{name} goes by the validation loss, and split.validation is 0; give"):
            study()
    assert not pathlib.Path("runs").exists()


@pytest.mark.parametrize(
    ("unknown", "prefix", "note"),
    [
        ("drop", "the fox", ""),
        ("drop", "the ☃ fox ☃", "samples.prefix has characters that the model does not know, and drops: '☃'"),
        (
            "replace",
            "☃é",
            "samples.prefix has characters that the model does not know, and replaces by U+FFFD: '☃', 'é'",
        ),
        ("drop", "the 0123456789$%", "and drops: '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', …"),
    ],
)
def test_what_is_dropped_of_a_prefix_is_said(unknown, prefix, note):
    found = note_of_prefix(prefix, Vocabulary(TEXT, unknown))
    assert found.endswith(note) and bool(found) == bool(note)


def test_a_prefix_of_which_nothing_is_left_is_found_before_anything_is_written(tiny, console):
    tiny |= {"vocabulary": {"unknown": "drop"}, "samples": {"prefix": "☃☃"}, "tune": {"model.units": [4, 8]}}
    studies = [
        lambda: keras_charrnn.fit(tiny, console=console),
        lambda: compare(tiny, ["gru"], console=console),
        lambda: tune(tiny, 1, console=console),
    ]
    for study in studies:
        with pytest.raises(
            VocabularyError,
            match=r"samples\.prefix: nothing is left of '☃☃', since the text has none of its characters",
        ):
            study()
    assert not pathlib.Path("runs").exists()


def test_a_run_whose_prefix_was_changed_to_none_of_its_characters_does_not_go_on(unvalidated, console, tmp_path):
    run = RunFolder(shutil.copytree(unvalidated / "runs" / "u-001", tmp_path / "run"))
    newest, *_ = sorted(run.checkpoints.paths(), reverse=True)
    newest.unlink()  # it had finished
    run.recipe.write_text(run.recipe.read_text().replace("prefix: 'the '", "prefix: ☃"))
    with pytest.raises(VocabularyError, match=r"samples\.prefix has the character '☃'"):
        keras_charrnn.resume(run.path, console=console)
