"""A run that goes on for longer than its recipe said."""

import shutil

import keras
import numpy as np
import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import CharRNNError
from keras_charrnn.runs.checkpoints import Checkpoints
from tests.conftest import tiny_recipe
from tests.training.test_resume import Kill, KillAt, assert_same

RATE = 0.01


@pytest.fixture
def finished(tmp_path, once, console):
    """Return a function: a copy of a run of two epochs with a cosine, made once."""

    def make(folder):
        how = {"training.schedule": "cosine", "training.average": 0.9, "checkpoints.every_steps": 20}
        keras_charrnn.fit(tiny_recipe(folder), how, folder, "done", console=console)

    folder = once("finished-by-cosine", make) / "done-001"
    return lambda name: shutil.copytree(folder, tmp_path / name)


def test_a_finished_run_goes_on_as_if_never_interrupted_with_a_new_course_of_its_rate(finished, console, capsys):
    whole, cut = finished("whole"), finished("cut")
    named = yaml.safe_load((whole / "recipe.yaml").read_text())["name"]
    assert main(["resume", str(whole), "--epochs", "4", "--learning-rate", "0.02"]) == 0
    out = capsys.readouterr().out
    assert "schedule cosine: a new course, from 0.02; the run had finished, at step 184" in out
    assert "changed  training.epochs: 4, 2 so far\n" in out and "from_step" not in out
    assert "changed  training.optimizer.learning_rate: 0.02, 0.01 so far\n" in out
    with pytest.raises(Kill):
        keras_charrnn.resume(cut, [KillAt(230)], console, epochs=4, learning_rate=0.02)
    assert not (cut / "report.html").exists()  # that of its first end is not of it any more
    with pytest.raises(Kill):
        keras_charrnn.resume(cut, [KillAt(300)], console)
    keras_charrnn.resume(cut, console=console)
    assert_same(whole, cut)
    run = keras_charrnn.Run.open(whole)
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert [row.get("continued", 0) for row in run.history] == [0, 0, 184, 184]
    course = keras.optimizers.schedules.CosineDecay(0.02, 184)
    for row in run.history[2:]:
        assert row["learning_rate"] == pytest.approx(float(course(row["step"] - 184)), abs=1e-8)
    assert min(row["val_loss"] for row in run.history[2:]) < run.history[1]["val_loss"]
    assert "continued" in (whole / "report.html").read_text()
    assert named != "whole" and yaml.safe_load((whole / "recipe.yaml").read_text())["name"] == named


@pytest.mark.thorough
def test_one_that_has_not_finished_goes_on_to_the_new_end_in_the_course_that_it_is_in(finished, tiny, console):
    how = {"training.schedule": "cosine"}
    with pytest.raises(Kill):
        keras_charrnn.fit(tiny, how, "runs", "cut", [KillAt(120)], console)
    run = keras_charrnn.resume("runs/cut-001", console=console, epochs=3)
    course = keras.optimizers.schedules.CosineDecay(RATE, 3 * 92)
    assert run.history[-1]["learning_rate"] == pytest.approx(float(course(276)), abs=1e-8)
    assert run.history[1]["learning_rate"] == pytest.approx(float(course(184)), rel=1e-5)
    assert not any("continued" in row for row in run.history)


def test_more_minutes_have_a_course_of_their_own(tiny, console):
    how = {"training.schedule": "cosine", "training.minutes": 5, "training.epochs": 1}
    run = keras_charrnn.fit(tiny, how, "runs", "timed", console=console)
    spent = run.history[-1]["seconds"]
    again = keras_charrnn.resume(run, console=console, epochs=2, minutes=6)
    first, last = (row["learning_rate"] for row in again.history)
    assert first < 1e-3 * RATE and last < 1e-3 * RATE and again.history[-1]["seconds"] > spent
    facts = Checkpoints(run.folder / "checkpoints").newest().facts
    assert facts["recipe"]["training"]["from_step"] == 92 and facts["recipe"]["training"]["minutes"] == 6
    assert 0 < facts["recipe"]["training"]["from_minutes"] <= spent / 60 + 0.1
    assert np.isfinite(again.history[-1]["val_loss"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"epochs": 2}, "the run has finished, with 2 epochs; it takes more of them to go on"),
        ({"learning_rate": 0.1}, "the run has finished, with 2 epochs; it takes more of them to go on"),
        ({"minutes": 5.0}, "the run has finished, with 2 epochs; it takes more of them to go on"),
        ({"epochs": 1}, "the run has finished, with 2 epochs"),
        ({"epochs": 0}, "training.epochs: must be a whole number"),
        ({"epochs": 3, "learning_rate": -1.0}, "training.optimizer.learning_rate: must be a number above 0"),
        ({"minutes": float("nan")}, "training.minutes: must be a number above 0"),
    ],
)
def test_what_cannot_be_is_told_and_the_run_stays_as_it_is(finished, console, asked, said):
    folder = finished("whole")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(CharRNNError) as error:
        keras_charrnn.resume(folder, console=console, **asked)
    assert said in str(error.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_run_that_time_or_patience_has_ended_goes_on_when_that_is_more(tiny, console):
    how = {"training.minutes": 1e-4, "training.epochs": 9, "training.schedule": "cosine"}
    run = keras_charrnn.fit(tiny, how, "runs", "timed", console=console)
    with pytest.raises(CharRNNError, match=r"the run has finished, with .* minutes; it takes more of them to go on"):
        keras_charrnn.resume(run, console=console, epochs=20)
    before = run.history[-1]["step"]
    again = keras_charrnn.resume(run, console=console, epochs=2, minutes=5)
    assert again.history[-1]["step"] == before + (2 - len(run.history)) * 92
    assert again.history[-1]["learning_rate"] < 1e-4 * RATE
    how = {"training.patience": 2, "training.epochs": 9, "training.optimizer.learning_rate": 1e-12}  # learns nothing
    run = keras_charrnn.fit(tiny, how, "runs", "patient", console=console)
    ended = len(run.history)
    again = keras_charrnn.resume(run, console=console, learning_rate=1e-2)
    assert ended == 3 and len(again.history) >= ended + 2


def test_a_run_of_its_own_from_the_recipe_of_a_continued_one_has_its_own_course(finished, console):
    run = keras_charrnn.resume(finished("whole"), console=console, epochs=3)
    assert keras_charrnn.read_recipe(run.folder / "recipe.yaml").training.from_step == 0
    with pytest.raises(CharRNNError, match=r"training.from_steps: unknown key, did you mean 'from_step'"):
        keras_charrnn.read_recipe(run.folder / "recipe.yaml", {"training.from_steps": 3})
    other = keras_charrnn.fit(run.folder / "recipe.yaml", {"training.epochs": 1}, console=console)
    assert not any("continued" in row for row in other.history) and other.history[0]["learning_rate"] < 1e-6
