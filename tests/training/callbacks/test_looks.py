"""Looks at a training within its epochs: what they find, that they change nothing, and what is chosen by them."""

import json
import os
import signal

import keras
import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.training.callbacks import Looks, MetricsLog
from tests.conftest import TEXT, train_once

QUIET = rich.console.Console(quiet=True)
LOOKS = {"every_steps": 20, "characters": 100}
VALIDATION = TEXT[int(0.7 * len(TEXT)) :][:100]  # what a look reads


class Seeing(keras.callbacks.Callback):
    """Remembers the mean loss of the epoch after each step that it hears of, and how often a validation was heard."""

    memory = ()

    def __init__(self):
        super().__init__()
        self.means, self.validations = {}, 0

    def on_train_batch_end(self, batch, logs=None):
        self.means[int(self.model.windows_done)] = float(logs["loss"])

    def on_test_end(self, logs=None):
        self.validations += 1


@pytest.fixture
def looked(once):
    """Return the run of `trained` with looks in it, and what a callback has seen of it: only to be read."""

    def make(folder):
        seeing = Seeing()
        train_once(folder, {"validation": LOOKS}, [seeing])
        (folder / "seen.json").write_text(json.dumps(vars(seeing), default=lambda _: None))

    folder = once("looked", make)
    return Run.open(folder / "runs" / "tiny-001"), json.loads((folder / "seen.json").read_text())


def test_looks_change_nothing_of_a_training(looked, trained):
    run, _ = looked
    assert len(run.history) == len(trained.history) == 2
    for row, other in zip(run.history, trained.history, strict=True):
        clock = ("characters_per_second", "seconds")
        assert {n: row[n] for n in row if n not in clock} == {n: other[n] for n in other if n not in clock}
    one, other = (RunFolder(each.folder).checkpoints.newest() for each in (run, trained))
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


def test_looks_come_at_their_steps_and_at_the_ends_of_epochs_and_are_heard(looked):
    run, seen = looked
    end = run.history[0]["step"]
    steps = [row["step"] for row in run.progress]
    # Steps are counted over epochs; the first call of an epoch at or after a period's end is up to 10 steps later.
    wanted = [*range(20, end, 20), end, *(end + n for n in range(1, end) if n % 10 == 0), 2 * end]
    wanted = [step for step in wanted if step <= end or step == 2 * end or step // 20 > (step - 10) // 20]
    assert steps == wanted
    assert [row["epoch"] for row in run.progress] == [1 if step <= end else 2 for step in steps]
    np.testing.assert_allclose([row["within"] for row in run.progress], [(s - 1) % end / end + 1 / end for s in steps])
    assert seen["validations"] == len(steps) + 2  # a look at the end of an epoch is beside the validation


def test_the_loss_within_an_epoch_is_the_mean_since_the_row_before(looked):
    run, seen = looked
    means, before, total = {int(step): mean for step, mean in seen["means"].items()}, 0, 0.0
    for row in run.progress:
        done = row["step"] - (row["epoch"] - 1) * run.history[0]["step"]
        assert row["loss"] == pytest.approx((means[row["step"]] * done - total) / (done - before), rel=1e-4)
        assert row["bits_per_character"] == pytest.approx(row["loss"] / np.log(2))
        before, total = (0, 0.0) if row["within"] == 1 else (done, means[row["step"]] * done)
    assert {"gradient_norm", "clipped", "learning_rate", "seconds", "characters_per_second"} <= set(run.progress[0])


def test_without_looks_there_are_the_means_of_stretches_that_add_up_to_the_epoch(trained):
    steps = trained.history[0]["step"]
    first = [row for row in trained.progress if row["epoch"] == 1]
    ends = [row["step"] for row in first]
    assert len(first) > 1 and ends[-1] == steps and min(np.diff([0, *ends])) >= 10
    weights = np.diff([0, *ends]) / steps
    assert np.dot(weights, [row["loss"] for row in first]) == pytest.approx(trained.history[0]["loss"], rel=1e-4)
    assert not any(name.startswith("val_") for row in trained.progress for name in row)
    assert trained.metrics == trained.history[1]


def test_the_model_that_is_kept_is_that_of_the_best_look_and_has_its_loss(looked):
    run, _ = looked
    best = min(run.progress, key=lambda row: row["val_part_loss"])
    assert run.metrics["val_part_loss"] == best["val_part_loss"] and run.metrics["step"] == best["step"]
    assert run.model.score(VALIDATION).nats_per_character == pytest.approx(best["val_part_loss"], rel=1e-4)
    assert keras_charrnn.evaluate(run).chosen_by == "validation"
    row = run.history[-1]
    assert best["step"] == row["step"] and run.metrics["val_loss"] == row["val_loss"] != best["val_part_loss"]


class Worsen(keras.callbacks.Callback):
    """Makes the weights worse at a step, and remembers their average then."""

    memory = ()

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.windows_done) == 30:
            self.average = [each.numpy() for each in self.model.optimizer.variables if "average" in each.path]
            for weight in self.model.weights:
                weight.assign(weight * -3)


def test_patience_counts_looks_and_they_are_of_the_average_as_is_the_best_model(tiny, console):
    tiny["validation"] = {"every_minutes": 1e-9, "characters": 100}  # at each call of the callbacks
    tiny["training"] |= {"patience": 2, "average": 0.5, "divergence": {"factor": 100.0}, "epochs": 3}
    worsen = Worsen()
    run = keras_charrnn.fit(tiny, {"model.cell": "simple_rnn"}, callbacks=[worsen], console=console)
    assert [row["step"] for row in run.progress] == [10, 20, 30, 40, 50, 60]  # two looks are worse; a call, and the end
    losses = [row["val_part_loss"] for row in run.progress]
    assert run.metrics == run.progress[2] and losses[2] == min(losses)
    for weight, average in zip(run.model.get_weights(), worsen.average, strict=True):
        np.testing.assert_array_equal(weight, average)
    part = TEXT[int(0.9 * len(TEXT)) :][:100]
    assert run.model.score(part).nats_per_character == pytest.approx(losses[2], rel=1e-4)
    assert [row["step"] for row in run.history] == [60]
    shown = console.export_text()
    assert f"best validation loss {losses[2]:.4f} nats per character" in shown
    assert "on the part that looks read, step 30 in epoch 1\n" in shown
    assert f"step 20/92  train {run.progress[1]['loss']:.3f}  look {losses[1]:.3f} nats (" in shown
    assert "Converged: the last 10 steps changed" in shown and "the best one is step 30 in epoch 1" in shown


class SignalInLook(keras.callbacks.Callback):
    """Asks the process to end while a look reads."""

    memory = ()

    def __init__(self, look=2):
        super().__init__()
        self.look, self.looks = look, 0

    def on_test_batch_begin(self, batch, logs=None):
        if batch == 0:
            self.looks += 1
            if self.looks == self.look:
                os.kill(os.getpid(), signal.SIGINT)


def test_a_run_that_ends_within_a_look_goes_on_exactly(looked, tmp_path):
    whole, _ = looked
    with pytest.raises(KeyboardInterrupt):
        train_once(tmp_path, {"validation": LOOKS}, [SignalInLook()])
    folder = RunFolder(tmp_path / "runs" / "tiny-001")
    start = folder.checkpoints.newest()
    assert (start.facts["epoch"], start.facts["step"]) == (0, 40) and len(folder.read_progress()) == 1
    run = keras_charrnn.resume(folder.path, console=QUIET)
    assert (run.folder / "metrics.jsonl").read_text() == (whole.folder / "metrics.jsonl").read_text()
    one, other = (RunFolder(each.folder).checkpoints.newest() for each in (run, whole))
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    for weight, wanted in zip(run.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, wanted)


@pytest.mark.thorough  # the one above is the quick one
@pytest.mark.parametrize("look", [2, 5, 6])  # within an epoch, the validation at its end, and the look after that
def test_a_run_with_an_average_that_ends_within_a_look_goes_on_exactly(tiny, look):
    tiny |= {"validation": LOOKS, "training": {**tiny["training"], "average": 0.9}}
    whole = keras_charrnn.fit(tiny, console=QUIET)
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(tiny, name="cut", callbacks=[SignalInLook(look)], console=QUIET)
    start = RunFolder("runs/cut-001").checkpoints.newest()
    assert (start.facts["epoch"], start.facts["step"]) == (0, 40 if look == 2 else 92)
    run = keras_charrnn.resume("runs/cut-001", console=QUIET)
    assert (run.folder / "metrics.jsonl").read_text() == (whole.folder / "metrics.jsonl").read_text()
    for weight, wanted in zip(run.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, wanted)


@pytest.mark.thorough  # the next is the quick one
def test_a_run_that_ends_between_the_look_that_ends_it_and_the_end_goes_on_exactly(tiny):
    class SignalAfter(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.stop_training:
                os.kill(os.getpid(), signal.SIGINT)

    tiny["validation"] = {"every_steps": 10}
    tiny["training"] |= {"patience": 1, "optimizer": {"name": "adam", "learning_rate": 1.0}}
    whole = keras_charrnn.fit(tiny, console=QUIET)
    assert whole.history[-1]["step"] < 92
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(tiny, name="cut", callbacks=[SignalAfter()], console=QUIET)
    assert RunFolder("runs/cut-001").checkpoints.newest().facts["step"] == whole.history[-1]["step"]
    run = keras_charrnn.resume("runs/cut-001", console=QUIET)
    assert (run.folder / "metrics.jsonl").read_text() == (whole.folder / "metrics.jsonl").read_text()


def test_a_training_that_a_look_has_ended_stays_ended_where_it_goes_on(make_model):
    looks, model = Looks(), make_model()
    looks.set_model(model)
    model.stop_training, looks.stopped = False, True  # as a checkpoint brings it back
    looks.on_epoch_begin(0)
    assert model.stop_training


def test_the_speed_is_of_training_without_the_validation_of_a_look(monkeypatch, tmp_path):
    now = [0.0]
    monkeypatch.setattr("keras_charrnn.training.callbacks.speed.time.perf_counter", lambda: now[0])
    log = MetricsLog(tmp_path / "m", tmp_path / "t", 1000)
    log.set_params({"steps": 10})
    log.on_train_begin()
    log.on_epoch_begin(0)
    for call in (log.on_train_batch_begin, log.on_train_batch_end):
        call(4)
    log._first, now[0] = 0, 2.0
    log.on_test_begin()
    now[0] = 50.0
    log.on_test_end()
    assert log.characters_per_second() == 250  # 5 of 10 steps in 2 seconds
    now[0] = 52.0
    assert log.characters_per_second() == 125
