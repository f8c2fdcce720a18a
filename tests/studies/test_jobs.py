"""Trainings of studies side by side, in processes of their own."""

import os
import pathlib
import threading

import pytest

from keras_charrnn.errors import SettingsError, StudyError, WriteError
from keras_charrnn.runs import Run
from keras_charrnn.studies.comparison import compare
from keras_charrnn.studies.jobs import Here, Jobs, make_jobs
from keras_charrnn.studies.tuning import tune
from tests.studies.orders import shout

thorough = pytest.mark.thorough


def test_orders_are_done_by_as_many_processes_as_there_are_and_all_is_told(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]), prepend=os.pathsep)
    told = []
    with Jobs(2, shout) as jobs:
        found = jobs.map(lambda word: jobs.do({"word": word}, told.append), ["é", "b", "c", "d"])
        assert [each["word"] for each in found] == ["É", "B", "C", "D"]
        assert len({each["process"] for each in found}) == min(2, len(os.sched_getaffinity(0)))
        assert os.getpid() not in {each["process"] for each in found}
        with pytest.raises(WriteError, match="the disk is full"):
            jobs.do({"word": "full"}, told.append)
        assert jobs.do({"word": "e"}, told.append)["word"] == "E"  # it goes on
        with pytest.raises(StudyError, match="a process of the study has ended, with status 1: ValueError: a bad word"):
            jobs.do({"word": "break"}, told.append)
        with pytest.raises(StudyError, match="a process of the study has ended, with status -9"):
            jobs.do({"word": "die"}, told.append)
        with pytest.raises(StudyError, match="the processes of the study have ended"):
            jobs.map(lambda word: jobs.do({"word": word}, told.append), ["f", "g", "h"])
    assert told[:4] != ["with é"] * 4 and {"with é", "with d", "with full", "with e", "with die"} <= set(told)


def test_one_at_a_time_is_done_here():
    with make_jobs(1, shout) as jobs:
        assert isinstance(jobs, Here)
        assert jobs.map(lambda word: jobs.do({"word": word}, str)["process"], ["a", "b"]) == [os.getpid()] * 2


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_count_that_is_none_is_an_error(count):
    with pytest.raises(SettingsError, match="jobs must be a whole number of 1 or more"):
        make_jobs(count, shout)


def test_a_comparison_by_several_processes_finds_what_one_finds(tiny, console):
    tiny["training"]["epochs"] = 1
    asked = {"cells": ["gru", "simple_rnn"], "seeds": 2, "console": console}
    one = compare(tiny, output="one", **asked)
    two = compare(tiny, output="two", jobs=2, **asked)
    for variant, other in zip(one.variants, two.variants, strict=True):
        assert variant.name == other.name and not other.error
        losses = [[trial.nats_per_character for trial in each.trials] for each in (variant, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        assert [trial.seed for trial in other.trials] == [0, 1]
        for trial in other.trials:
            assert Run.open(pathlib.Path("two") / trial.run).metrics["val_loss"] == trial.nats_per_character
    assert pathlib.Path("two/comparison.md").is_file()
    assert threading.active_count() < 40


@thorough
def test_a_search_by_several_processes_tries_all_and_keeps_the_best(tiny, console):
    pytest.importorskip("optuna")
    tiny["training"]["epochs"] = 1
    tiny["tune"] = {"model.units": [4, 8, 12], "training.optimizer.learning_rate": [0.003, 0.03]}
    search = tune(tiny, 5, trials=6, console=console, output="search", jobs=2)
    values = [tuple(each.values.values()) for each in search.trials]
    assert len(values) == len(set(values)) == 6
    assert {each.state for each in search.trials} <= {"done", "pruned"}
    assert search.best.nats_per_character == min(each.nats_per_character for each in search.trials)
    again = tune("search", 5, trials=6, console=console, jobs=2)
    assert [each.losses for each in again.trials] == [each.losses for each in search.trials]
