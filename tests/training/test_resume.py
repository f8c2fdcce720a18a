"""A run that stops and goes on ends as one that never stopped.

What takes long is to trace a training, a second each: tests share what they only read (`whole`, `cut`, `gone_on`).
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import warnings

import keras
import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import DivergenceError, RunError, WriteError
from keras_charrnn.runs.checkpoints import Checkpoints, read
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.training.callbacks import TimeBudget
from tests.conftest import HAS_MUON, tiny_recipe

thorough = pytest.mark.thorough


class Kill(BaseException):
    """What a test ends a training with, as abruptly as an exception can."""


class KillAt(keras.callbacks.Callback):
    memory = ()

    def __init__(self, step, action=None):
        super().__init__()
        self.step, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.windows_done) >= self.step:
            self.step = np.inf
            if self.action is None:
                raise Kill
            self.action()


class Drawing(keras.callbacks.Callback):
    """Remembers numbers that it draws from NumPy's generator, as a user's callback might."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_train_batch_end(self, batch, logs=None):
        self.drawn.append(np.random.random())


@pytest.fixture
def noisy(tiny):
    """A recipe with all that has a state: two layers, dropout, Adam, a schedule, samples by steps."""
    tiny["model"] |= {"layers": 2, "dropout": 0.2, "cell": "lstm"}
    tiny["training"] |= {"epochs": 3, "schedule": {"name": "exponential", "rate": 0.5, "from_epoch": 0}}
    tiny["samples"] |= {"every_epochs": 1, "every_steps": 30}
    tiny["checkpoints"] = {"every_steps": 20}
    return tiny


def contents(folder):
    """What must not depend on an interruption."""
    newest = Checkpoints(folder / "checkpoints").newest()
    files = {
        str(path.relative_to(folder)): path.read_text()
        for path in (folder / "metrics.jsonl", *sorted((folder / "samples").iterdir()))
    }
    return newest, files


def assert_same(one, two):
    (checkpoint, files), (other, other_files) = contents(one), contents(two)
    assert files == other_files
    assert checkpoint.facts["epoch"] == other.facts["epoch"]
    assert checkpoint.arrays.keys() == other.arrays.keys()
    for name, array in checkpoint.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    best, other_best = keras_charrnn.load(one), keras_charrnn.load(two)
    for weight, other_weight in zip(best.get_weights(), other_best.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other_weight)


@pytest.fixture
def whole(once):
    """Return a function that trains a recipe without an interruption, each once: its folder, and what it has drawn."""

    def train(recipe, overrides=None):
        # Where the text is, and when checkpoints are written, makes no difference.
        asked = [{**each, "corpus": None, "checkpoints": None} for each in (recipe, overrides or {})]

        def make(folder):
            drawing, quiet = Drawing(), rich.console.Console(quiet=True)
            keras_charrnn.fit(recipe, overrides, folder, name="whole", callbacks=[drawing], console=quiet)
            (folder / "drawn.json").write_text(json.dumps(drawing.drawn))

        folder = once(f"whole-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]}", make)
        return folder / "whole-001", json.loads((folder / "drawn.json").read_text())

    return train


COMPOSED = {
    "model": {
        "embedding": 8, "embedding_dropout": 0.1, "output_dropout": 0.2, "variational": True, "recurrent_dropout": 0.2,
        "zoneout": {"h": 0.1}, "weight_drop": 0.2, "normalization": "layer", "residual": True, "feed_forward": 8,
        "ngrams": 2,
    },
    "training": {
        "average": 0.9, "accumulate": 3, "label_smoothing": 0.1, "patience": 2, "minutes": 60, "schedule": "step",
        "optimizer": {"name": "muon" if HAS_MUON else "adamw", "learning_rate": 0.01},
    },
    "compute": {"replicas": 2},
}  # fmt: skip
# The same keys where there is less to trace: one layer with one gate, one replica, and no samples.
SHALLOW = {
    **{key: value for key, value in COMPOSED.items() if key != "compute"},
    "model": {**COMPOSED["model"], "cell": "simple_rnn", "layers": 1},
    "training": {**COMPOSED["training"], "epochs": 2},
    "samples": {"every_epochs": 0, "every_steps": 0},
    "states.reset": "never",
    "validation": {"every_steps": 30, "characters": 200},
}


@pytest.mark.parametrize(
    ("recipe", "steps", "overrides"),
    [
        # In the middle of an epoch; `tests/test_earlier_versions.py` has the like, of two layers with noise.
        pytest.param("noisy", [55], {}, marks=thorough),
        # In the last call of an epoch, before the validation, in the midst of an accumulation; and earlier too.
        ("noisy", [92], SHALLOW),
        pytest.param("noisy", [35, 92], SHALLOW, marks=thorough),
        # Between looks and rows, where a look is due, and in the epoch that patience ends.
        pytest.param("tiny", [37, 60, 130], {"validation": {"every_steps": 20}}, marks=thorough),
        pytest.param(
            "tiny",
            [35, 70],
            {"validation": {"every_steps": 10}, "training.patience": 1, "training.optimizer.learning_rate": 0.3},
            marks=thorough,
        ),
        # Before there is another checkpoint than the first, and after that of an epoch's end.
        ("tiny", [7, 130], {"compute.replicas": 2}),
        pytest.param("noisy", [7, 55], {}, marks=thorough),
        pytest.param("noisy", [92], {"states.reset": "never"}, marks=thorough),
        pytest.param("noisy", [110, 230], {"compute.replicas": 2, "states.reset": "window"}, marks=thorough),
        pytest.param(
            "noisy",
            [130],
            {"training.optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, "checkpoints": {}},
            marks=thorough,
        ),
        pytest.param("noisy", [35, 60, 150], COMPOSED, marks=thorough),
        # Before the validation, and at the end of an epoch after it.
        pytest.param("noisy", [92, 184], COMPOSED, marks=thorough),
        pytest.param("noisy", [100], {**COMPOSED, "checkpoints": {}}, marks=thorough),  # from the end of an epoch
    ],
)
def test_a_run_goes_on_exactly(request, whole, console, tmp_path, recipe, steps, overrides):
    recipe = request.getfixturevalue(recipe)
    whole_folder, wanted = whole(recipe, overrides or None)
    with pytest.raises(Kill):
        keras_charrnn.fit(recipe, overrides, name="cut", callbacks=[Drawing(), KillAt(steps[0])], console=console)
    cut = tmp_path / "runs" / "cut-001"
    for step in steps[1:]:
        with pytest.raises(Kill):
            keras_charrnn.resume(cut, callbacks=[Drawing(), KillAt(step)], console=console)
    drawing = Drawing()
    run = keras_charrnn.resume(cut, callbacks=[drawing], console=console)
    assert_same(whole_folder, run.folder)
    assert drawing.drawn == wanted
    epochs = [row["epoch"] for row in run.history]
    assert epochs == [*range(1, len(epochs) + 1)]
    for rows in (run.history, run.progress):
        seconds = [row["seconds"] for row in rows]
        assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGTERM, 92),  # in the last call of an epoch; the next test has the other signal
        pytest.param(signal.SIGINT, 40, marks=thorough),
        pytest.param(signal.SIGINT, 92, marks=thorough),
        pytest.param(signal.SIGTERM, 40, marks=thorough),
    ],
)
@thorough  # beside a signal in a step, and one at the very end
@pytest.mark.parametrize("recipe", ["tiny", "noisy"])
def test_a_signal_ends_the_step_and_keeps_all(request, whole, console, tmp_path, recipe, number, step):
    recipe = request.getfixturevalue(recipe)
    recipe["checkpoints"] = {"every_minutes": 0, "every_epochs": 0}
    ended = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ended) as raised:
        signalling = KillAt(step, lambda: os.kill(os.getpid(), number))
        keras_charrnn.fit(recipe, name="cut", callbacks=[signalling], console=console)
    assert number == signal.SIGINT or raised.value.code == 143
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    cut = tmp_path / "runs" / "cut-001"
    assert "keras-charrnn resume runs/cut-001" in console.export_text()
    assert keras_charrnn.load(cut).generate("the ", 5)
    assert Checkpoints(cut / "checkpoints").newest().arrays["optimizer/0"] >= step
    keras_charrnn.resume(cut, console=console)
    assert_same(whole(recipe)[0], cut)


@pytest.mark.parametrize(
    ("recipe", "training"),
    [
        ("tiny", {"average": 0.9}),  # which stands in the place of the weights meanwhile
        pytest.param("noisy", {}, marks=thorough),
        pytest.param("noisy", {"average": 0.9}, marks=thorough),
    ],
)
def test_a_signal_in_the_validation_keeps_the_epoch(request, whole, console, tmp_path, recipe, training):
    recipe = request.getfixturevalue(recipe)
    recipe["training"] |= training
    signalling = keras.callbacks.LambdaCallback(on_test_begin=lambda logs: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(recipe, name="cut", callbacks=[signalling], console=console)
    cut = tmp_path / "runs" / "cut-001"
    newest = Checkpoints(cut / "checkpoints").newest()
    assert (newest.facts["epoch"], newest.facts["step"]) == (0, 92)
    keras_charrnn.resume(cut, console=console)
    assert_same(whole(recipe)[0], cut)


def test_keras_callbacks_remember(tiny, console, tmp_path):
    tiny["training"]["epochs"] = 9
    patient = keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=100)
    with pytest.raises(Kill):
        keras_charrnn.fit(tiny, callbacks=[patient, KillAt(250)], console=console)
    patient = keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=100)
    run = keras_charrnn.resume(tmp_path / "runs" / "tiny-001", callbacks=[patient], console=console)
    assert len(run.history) == 4
    again = keras_charrnn.resume(run, console=console)
    assert "has finished" in console.export_text()
    assert again.history == run.history


class Ticking:
    """A clock on which a second passes whenever it is looked at."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1
        return self.now


class Best(keras.callbacks.Callback):
    memory = ("best",)

    def __init__(self, best=None):
        super().__init__()
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        self.best = np.float32(logs["val_loss"])


@pytest.fixture
def ticking(monkeypatch):
    monkeypatch.setattr("keras_charrnn.training.callbacks.metrics_log.time", Ticking())


@pytest.fixture
def copy_cut(once, ticking):
    """Return a function that copies the folder of a run that was killed in its second epoch, on the ticking clock."""

    def make(folder):
        recipe, quiet = tiny_recipe(folder) | {"checkpoints": {"every_steps": 20}}, rich.console.Console(quiet=True)
        with pytest.raises(Kill):
            keras_charrnn.fit(recipe, runs_dir=folder, callbacks=[Best(), KillAt(130)], console=quiet)

    def copy(runs_dir):
        made = once("cut", make)
        shutil.copytree(made / "tiny-001", runs_dir / "tiny-001")
        folder, text = RunFolder(runs_dir / "tiny-001"), runs_dir.resolve() / "text.txt"
        shutil.copy(made / "text.txt", text)
        folder.recipe.write_text(folder.recipe.read_text().replace(str(made / "text.txt"), str(text)))
        return folder

    return copy


@pytest.fixture
def cut(copy_cut, tmp_path):
    """The folder of a run that was killed in its second epoch, and its text beside it."""
    return copy_cut(tmp_path / "runs")


AWKWARD = "a[/b] [v2]"  # a name that rich would take for markup


@pytest.fixture
def gone_on(once, copy_cut):
    """Return the folder of such a run that has gone on to its end, beside what was shown then: only to be read."""

    def make(folder):
        with contextlib.chdir(folder):
            cut = copy_cut(pathlib.Path(AWKWARD))
            (cut.checkpoints.folder / LEFT).write_bytes(b"half of")
            with open(os.devnull, "w") as file:  # noqa: PTH123
                console = rich.console.Console(file=file, record=True, width=200)
                keras_charrnn.resume(f"{AWKWARD}/tiny-001", console=console)
            pathlib.Path("shown.txt").write_text(console.export_text())

    return once("gone-on", make)


LEFT = ".4242.step-000000140.checkpoint"  # by a write that was killed


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(cut, tiny, whole, console):
    newest, before = cut.checkpoints.paths()
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    with pytest.warns(UserWarning, match=rf"{newest.name} is damaged: .*; an earlier checkpoint is used"):
        run = keras_charrnn.resume(cut.path, console=console)
    assert_same(whole(tiny)[0], run.folder)
    for path in (newest, before, *cut.checkpoints.paths()):
        path.write_bytes(b"")
    with (
        pytest.raises(RunError, match=r"none of the checkpoints can be read; the run cannot go on"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        keras_charrnn.resume(cut.path, console=console)


def test_what_does_not_fit_the_run_is_refused(cut, console, tmp_path):
    for another in ("another text " * 300, "too short"):
        (tmp_path / "runs" / "text.txt").write_text(another)
        with pytest.raises(RunError, match=r"text\.txt is not the text that .* was trained on"):
            keras_charrnn.resume(cut.path, console=console)
    cut.environment.write_text("{")
    with pytest.raises(RunError, match=r"environment\.json is damaged"):
        keras_charrnn.resume(cut.path, console=console)


def test_a_run_has_one_trainer_at_a_time(cut, tiny, console, tmp_path):
    with (
        RunFolder(cut.path).lock(),
        pytest.raises(RunError, match=r"tiny-001 is being trained by another process"),
    ):
        keras_charrnn.resume(cut.path, console=console)
    for options in ({"runs_dir": cut.path}, {"name": "tiny-001"}):
        with pytest.raises(
            RunError, match=r"is the folder of a run; to go on with it:\n    keras-charrnn resume .*001$"
        ):
            keras_charrnn.fit(tiny, console=console, **options)


def test_a_signal_at_the_very_end_leaves_the_run_finished(tiny, console):
    end = tiny["training"]["epochs"]
    signalling = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: os.kill(os.getpid(), signal.SIGINT) if epoch + 1 == end else None
    )
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(tiny, callbacks=[signalling], console=console)
    folder = RunFolder("runs/tiny-001")
    assert folder.checkpoints.newest().facts["finished"] and not folder.report.is_file()
    run = keras_charrnn.resume(folder.path, console=console)
    assert "has finished; nothing is left to do" in console.export_text()
    assert len(run.history) == end and folder.report.is_file()


def test_a_run_in_a_folder_with_brackets_says_where_it_is(gone_on):
    shown = (gone_on / "shown.txt").read_text()
    assert f"run in '{AWKWARD}/tiny-001', with" in shown
    assert f"\n    keras-charrnn sample '{AWKWARD}/tiny-001'\n" in shown


def test_the_seconds_of_an_interrupted_epoch_count(cut, gone_on):
    memories = cut.checkpoints.newest().facts["memories"]
    (seconds,) = [memory["seconds"] for name, memory in memories if name == "MetricsLog"]
    first, second = (row["seconds"] for row in RunFolder(gone_on / AWKWARD / "tiny-001").read_metrics())
    assert seconds > first > 5 and second > seconds


def test_a_memory_may_be_an_argument_of_the_constructor(cut):
    assert dict(cut.checkpoints.newest().facts["memories"])["Best"]["best"] > 0


def test_what_a_killed_write_has_left_is_removed(gone_on):
    assert not (RunFolder(gone_on / AWKWARD / "tiny-001").checkpoints.folder / LEFT).exists()


def test_a_full_disk_ends_the_run_and_leaves_the_checkpoint_before(tiny, whole, console, tmp_path, monkeypatch):
    tiny["checkpoints"] = {"every_steps": 20}
    save, saved = Checkpoints.save, []

    def fail(self, step, facts, groups):
        if step >= 60:
            monkeypatch.setattr(os, "fsync", full)
        save(self, step, facts, groups)
        saved.append(step)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "save", fail)
    with pytest.raises(WriteError, match=r"step-\d+\.checkpoint cannot be written: No space left on device"):
        keras_charrnn.fit(tiny, console=console)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "runs" / "tiny-001")
    assert folder.checkpoints.newest().arrays["optimizer/0"] == saved[-1]
    assert not list(folder.checkpoints.folder.glob(".*"))
    keras_charrnn.resume(folder.path, console=console)
    assert_same(whole(tiny)[0], folder.path)


class Explode(keras.callbacks.Callback):
    """Makes the weights so large, once, that no loss can follow."""

    memory = ("done",)

    def __init__(self, step, factor):
        super().__init__()
        self.step, self.factor, self.done = step, factor, False

    def on_train_batch_end(self, batch, logs=None):
        if not self.done and int(self.model.windows_done) >= self.step:
            for weight in self.model.weights:
                weight.assign(weight * self.factor)


class Once(Explode):
    memory = ()

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.done = self.done or int(self.model.windows_done) >= self.step


@pytest.mark.parametrize(("step", "factor"), [pytest.param(40, np.nan, marks=thorough), (40, 1e4), (120, np.inf)])
def test_a_diverging_run_stops_with_its_last_good_model(tiny, console, tmp_path, step, factor):
    with pytest.raises(DivergenceError, match=r"diverged at step \d+: loss .*, running mean .*, gradient norm .*, le"):
        keras_charrnn.fit(tiny, callbacks=[Explode(step, factor)], console=console)
    model = keras_charrnn.load(tmp_path / "runs" / "tiny-001")
    assert np.isfinite(model.score("the quick brown fox").nats_per_character)
    for path in RunFolder(tmp_path / "runs" / "tiny-001").checkpoints.paths():
        assert all(np.isfinite(weight).all() for weight in read(path).group("weights"))


def by_epoch(windows):
    return 0.01 * 0.5 ** (windows / 92 - 1)


def by_cosine(windows):
    return 0.01 * (0.5 + 0.5 * (1 + np.cos(np.pi * (windows - 10) / (3 * 92 - 10))) / 2)


def by_cosine_of_time(windows):
    return 0.01 * (0.5 + 0.5 * (1 + np.cos(np.pi * windows / (3 * 92))) / 2)


COSINE = {"schedule": {"name": "cosine", "warmup_steps": 10, "final": 0.5}}


# The learning rate of a run that does not diverge, after so many windows, by hand.
@pytest.mark.parametrize(
    ("training", "rate"),
    [
        pytest.param({}, lambda windows: 0.01, marks=thorough),
        pytest.param(
            {"schedule": {"name": "exponential", "rate": 0.5, "from_epoch": 0}},
            by_epoch,
            marks=thorough,  # the same as the next, but for the number of the epoch
        ),
        ({"schedule": {"name": "step", "rate": 0.5, "every_epochs": 1}}, by_epoch),
        pytest.param({**COSINE, "average": 0.9}, by_cosine, marks=thorough),  # the next is of the cosine too
        ({**COSINE, "minutes": 1000}, by_cosine_of_time),
    ],
)
def test_a_diverging_run_goes_back_with_a_smaller_rate(tiny, console, training, rate):
    class Counting(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def on_train_batch_end(self, batch, logs=None):
            self.calls += 1

    tiny["training"] |= {"divergence": {"name": "go_back", "rate": 0.25}, "epochs": 3, **training}
    counting = Counting()
    run = keras_charrnn.fit(tiny, callbacks=[counting, Once(130, np.nan)], console=console)
    assert counting.calls == 3 * 10  # of 92 windows each, ten at a call: callbacks go back too
    assert "going back to epoch 2, step 0, with the learning rate times 0.25 (1 of 3)" in console.export_text(
        clear=False
    )
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert [row.get("went_back") for row in run.history] == [None, 1, 1]
    assert {row["epoch"]: row.get("went_back") for row in run.progress} == {1: None, 2: 1, 3: 1}
    steps = [row["step"] for row in run.progress]
    assert steps == sorted(set(steps))  # what was told of steps that were gone back on is told once
    assert "The loss diverged 1 time, and held only with the learning rate times 0.25." in console.export_text(
        clear=False
    )
    factors = [row["learning_rate"] / rate(row["step"]) for row in run.history]
    np.testing.assert_allclose(factors, [1, 0.25, 0.25], rtol=1e-4)


def test_a_run_that_goes_back_keeps_the_best_look_with_its_model(tiny, console):
    tiny["training"] |= {"divergence": {"name": "go_back", "rate": 1e-9}, "epochs": 2}  # nothing better comes later
    tiny["validation"] = {"every_steps": 20}
    run = keras_charrnn.fit(tiny, callbacks=[Once(130, np.nan)], console=console)
    assert "going back to epoch 2, step 30" in console.export_text()  # of the last look, in place of the epoch's end
    assert run.metrics["step"] == 92 + 30
    assert keras_charrnn.evaluate(run).nats_per_character == pytest.approx(run.metrics["val_loss"], rel=1e-5)


def test_a_run_that_diverges_at_once_keeps_the_weights_and_not_an_average_of_nothing(tiny, console):
    tiny["training"]["average"] = 0.9
    with pytest.raises(DivergenceError):
        keras_charrnn.fit(tiny, callbacks=[Explode(10, np.nan)], console=console)
    assert any(np.abs(weight).max() > 0.01 for weight in keras_charrnn.load("runs/tiny-001").get_weights())


def test_going_back_has_an_end(tiny, console):
    tiny["training"]["divergence"] = {"name": "go_back", "times": 2}
    with pytest.raises(DivergenceError, match="the last good model is in"):
        keras_charrnn.fit(tiny, callbacks=[Explode(30, np.nan)], console=console)
    assert console.export_text().count("going back to") == 2


def test_a_run_with_a_budget_of_time_goes_on_exactly_in_its_own_time(tiny, console, tmp_path, monkeypatch):
    class Work(keras.callbacks.Callback):
        """Takes a second for each call and 5 for a validation."""

        memory = ()

        def on_train_batch_begin(self, batch, logs=None):
            clock["now"] += 1

        def on_test_batch_begin(self, batch, logs=None):
            clock["now"] += 5 if batch == 0 else 0

    clock = {"now": 0.0}
    monkeypatch.setattr(TimeBudget, "clock", staticmethod(lambda: clock["now"]))
    tiny["checkpoints"] = {"every_steps": 20}
    tiny["training"] |= {"epochs": 100, "minutes": 0.45, "schedule": {"name": "cosine", "warmup_steps": 10}}
    whole = keras_charrnn.fit(tiny, name="whole", callbacks=[Work()], console=console)
    with pytest.raises(Kill):
        keras_charrnn.fit(tiny, name="cut", callbacks=[Work(), KillAt(130)], console=console)
    clock["now"] += 1000  # the time between does not count
    run = keras_charrnn.resume(tmp_path / "runs" / "cut-001", callbacks=[Work()], console=console)
    assert_same(whole.folder, run.folder)
    assert [row["step"] for row in run.history] == [92, 162]  # 10 + 5 seconds, 7 of the second epoch, its validation


@pytest.mark.parametrize("step", [40, pytest.param(92, marks=thorough)])
def test_the_model_of_an_interrupted_run_is_the_average(tiny, console, tmp_path, step):
    tiny["training"]["average"] = 0.9
    averages = []

    class Average(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            variables = self.model.optimizer.variables
            averages.append([each.numpy() for each in variables if "average" in each.path])

    with pytest.raises(KeyboardInterrupt):
        signalling = KillAt(step, lambda: os.kill(os.getpid(), signal.SIGINT))
        keras_charrnn.fit(tiny, callbacks=[signalling, Average()], console=console)
    kept = keras_charrnn.load(tmp_path / "runs" / "tiny-001").get_weights()
    assert len(averages[-1]) == len(kept)
    for weight, average in zip(kept, averages[-1], strict=True):
        np.testing.assert_array_equal(weight, average)
