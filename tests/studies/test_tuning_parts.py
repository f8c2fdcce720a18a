"""The parts of a search, each by itself: what there is to choose from, what is proposed, what ends a trial."""

import math

import keras
import pytest

from keras_charrnn.studies.tuning import Trial
from keras_charrnn.studies.tuning.judge import Deadline, Judge
from keras_charrnn.studies.tuning.results import DONE, PRUNED
from keras_charrnn.studies.tuning.space import Space
from keras_charrnn.studies.tuning.study import Study
from keras_charrnn.studies.tuning.writing import words_of

optuna = pytest.importorskip("optuna")


def test_a_deadline_leaves_room_for_the_validation_whatever_came_before(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(Deadline, "clock", staticmethod(lambda: now[0]))
    deadline = Deadline(110.0, validation=2.0)
    model = keras.Sequential()
    model.windows_done, model.stop_training = 0, False
    deadline.set_model(model)
    deadline.set_params({"steps": 10, "epochs": 2})
    deadline.spent = 55.0  # as a checkpoint would have had it
    deadline.on_train_begin()
    deadline.spent = 0.0
    deadline.on_epoch_begin(0)
    now[0] = 107.9
    deadline.on_train_batch_end(0)
    assert not model.stop_training and not deadline.over
    now[0] = 108.0
    deadline.on_train_batch_end(1)
    assert model.stop_training and deadline.over
    model.windows_done = 20  # the time was over with the last step: nothing was cut off
    deadline.on_train_batch_end(2)
    assert not deadline.over


def test_a_judge_reports_each_epoch_once_those_of_a_run_that_goes_on_too():
    class Asked:
        def __init__(self):
            self.reported = []

        def report(self, loss, epoch):
            self.reported.append((epoch, loss))

        def should_prune(self):
            return len(self.reported) == 3

    asked = Asked()
    judge = Judge(asked, lambda state: None)
    judge.set_model(keras.Sequential())
    judge.model.stop_training = False
    judge.losses = [3.0, 2.0]
    judge.on_epoch_begin(2)
    assert not judge.pruned and asked.reported == [(1, 3.0), (2, 2.0)]
    judge.on_epoch_begin(2)
    judge.on_epoch_end(2, {"val_loss": 1.0})
    assert asked.reported[2:] == [(3, 1.0)] and judge.pruned and judge.model.stop_training


SEARCH = {
    "a": ["x", None, {"name": "rhn"}],
    "b": {"from": 2, "to": 4},
    "c": {"from": 0.1, "to": 0.5, "step": 0.2},
    "d": {"from": 0.0012344, "to": 1.0, "log": True},
}


def test_values_are_those_of_the_space_and_come_back():
    space = Space(SEARCH)
    assert space.grid is None and len(Space({name: SEARCH[name] for name in "abc"}).grid) == 3 * 3 * 3
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    seen = [space.to_values(study.ask(space.distributions(optuna)).params) for _ in range(200)]
    assert {str(each["a"]) for each in seen} == {"x", "None", "{'name': 'rhn'}"}
    assert {each["b"] for each in seen} == {2, 3, 4} and {each["c"] for each in seen} == {0.1, 0.3, 0.5}
    assert all(0.0012344 <= each["d"] <= 1 and len(f"{each['d']:g}") <= 10 for each in seen)
    assert 60 < sum(each["d"] < 0.035 for each in seen) < 140  # half of a logarithmic range
    assert all(space.to_values(space.to_params(each)) == each for each in seen)
    assert space.to_values({"a": 0, "b": 2, "c": 0, "d": 0.00123441})["d"] == 0.0012344  # not below the range
    for wrong in ({"a": "y"}, {"b": 5}, {"c": 9.0}, {"d": 2.0}):
        with pytest.raises(ValueError, match="is not"):
            space.to_params({**seen[0], **wrong})


def test_a_search_over_choices_tries_each_combination_once_and_the_same_ones_again_from_the_same_trials():
    space = Space({"a": [1, 2, 3], "b": ["x", "y"]})
    trials, again = [], []
    for made in (trials, again):
        while (values := Study(space, 7).propose(made)) is not None:
            made.append(Trial(len(made) + 1, values, DONE, [float(values["a"])]))
    assert len({tuple(each.values.items()) for each in trials}) == 6 == len(trials)
    assert trials == again


def test_after_1_2_and_4_epochs_the_better_half_goes_on():
    space, trials = Space({"a": {"from": 1, "to": 100}}), []
    for number, losses in enumerate([[3.0, 2.0, 1.9, 1.5], [2.0, 1.9, 1.8, 1.4], [4.0], [2.5]], start=1):
        trials.append(Trial(number, {"a": number}, PRUNED if len(losses) == 1 else DONE, losses))

    def pruned(*losses):
        asked = Study(space, 0).begin(trials, {"a": 9})
        found = []
        for epoch, loss in enumerate(losses, start=1):
            asked.report(loss, epoch)
            found.append(asked.should_prune())
        return found

    assert pruned(2.2, 1.95) == [False, True]  # the second of five; the second of three
    assert pruned(2.6) == [True] and pruned(math.nan) == [True]
    assert pruned(1.0, 1.0, 9.0, 9.0) == [False, False, False, True]


def test_a_value_cannot_leave_its_line():
    assert words_of(Trial(1, {"model.cell": "gru", "model.x": "a\nb", "model.units": 8})) == (
        "model.cell gru, model.x 'a\\nb', model.units 8"
    )
