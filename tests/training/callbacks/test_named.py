"""Callbacks that a recipe names by their import paths, and TensorBoard's logs."""

import pathlib

import keras
import pytest
import rich.console
import tensorflow as tf

import keras_charrnn
from keras_charrnn.errors import ExtraError, PluginError, RecipeError, SettingsError
from keras_charrnn.runs import Run
from tests.conftest import tiny_recipe

PLUGIN = """
import keras

class Counter(keras.callbacks.Callback):
    def __init__(self, path):
        super().__init__()
        self.path, self.epochs = path, 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        with open(self.path, "a") as file:
            file.write(f"{epoch} {self.epochs} {logs['val_loss']:.3f}\\n")

class Interrupter(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt

def function(): ...
"""


@pytest.fixture
def plugin():
    pathlib.Path("mine.py").write_text(PLUGIN)
    return "mine.py"


@pytest.fixture
def run(once):
    """Return a run with TensorBoard's logs and a callback of Keras, trained once."""

    def make(folder):
        recipe = tiny_recipe(folder) | {"tensorboard": True}
        recipe["callbacks"] = [
            {"name": "keras.callbacks.EarlyStopping", "monitor": "val_loss", "min_delta": 100.0, "patience": 1}
        ]
        recipe["training"]["epochs"] = 5
        keras_charrnn.fit(recipe, runs_dir=folder, console=rich.console.Console(quiet=True))

    return Run.open(once("named-callbacks", make) / "tiny-001")


def test_kerass_own_callback_ends_the_training(run):
    assert len(run.history) == 2


def test_a_plugins_callback_is_called_and_remembers_over_a_resume(tiny, console, plugin):
    tiny |= {"plugins": [plugin], "callbacks": [{"name": "mine.Counter", "path": "log.txt"}, "mine.Interrupter"]}
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(tiny, console=console)
    recipe = pathlib.Path("runs/tiny-001/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("- name: mine.Interrupter\n", ""))
    run = keras_charrnn.resume("runs/tiny-001", console=console)
    lines = [line.split() for line in pathlib.Path("log.txt").read_text().splitlines()]
    assert [line[:2] for line in lines][-1] == ["1", "2"]  # the second epoch, the second it has counted
    assert float(lines[-1][2]) == pytest.approx(run.history[-1]["val_loss"], abs=1e-3)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ("keras.callbacks.CSVLogger", r"callbacks: must be a list of callbacks, each the import path"),
        (["CSVLogger"], r"callbacks\[0\]: must be the import path of a Keras callback.*not 'CSVLogger'"),
        (["keras.callbacks.CSVLoger"], r"callbacks\[0\]: the module keras.callbacks has no CSVLoger"),
        (
            ["keras.layers.Dense"],
            r"callbacks\[0\]: the module keras.layers has a thing, no Keras callback, of the name",
        ),
        (["no_such_module.Callback"], r"callbacks\[0\]: plugin 'no_such_module': No module named 'no_such_module'"),
        (["mine.function"], r"callbacks\[0\]: the module mine has a thing, no Keras callback"),
        ([{"path": "a"}], r"callbacks\[0\]: has no name; write the import path"),
    ],
)
def test_what_is_no_callback_is_an_error_of_the_recipe(tiny, plugin, callbacks, message):
    with pytest.raises(RecipeError, match=message):
        keras_charrnn.read_recipe({**tiny, "plugins": [plugin], "callbacks": callbacks})


def test_a_module_that_fails_is_named_with_its_line(tiny, monkeypatch, tmp_path):
    (tmp_path / "broken_callbacks.py").write_text("\nraise ValueError('on purpose')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match=r"broken_callbacks.py, line 2: ValueError: on purpose") as caught:
        keras_charrnn.read_recipe({**tiny, "callbacks": ["broken_callbacks.Callback"]})
    with pytest.raises(PluginError):
        keras_charrnn.registry.load_callback("broken_callbacks.Callback")
    assert "callbacks[0]: " in str(caught.value)


def test_arguments_that_are_refused_leave_nothing_behind(tiny, console, tmp_path):
    tiny["callbacks"] = [{"name": "keras.callbacks.ReduceLROnPlateau", "factor": 2}]
    with pytest.raises(SettingsError, match=r"callbacks\[0\]: keras.*ReduceLROnPlateau refuses the .*'factor'"):
        keras_charrnn.fit(tiny, console=console)
    assert not (tmp_path / "runs").exists()


def test_tensorboard_gets_the_metrics_of_every_epoch(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = EventAccumulator(str(run.folder / "tensorboard" / "validation"))
    logs.Reload()
    values = [float(tf.make_ndarray(event.tensor_proto)) for event in logs.Tensors("epoch_loss")]
    assert values == pytest.approx([row["val_loss"] for row in run.history])


def test_tensorboard_gets_what_is_told_within_epochs_by_steps(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = EventAccumulator(str(run.folder / "tensorboard" / "steps"), size_guidance={"tensors": 0})
    logs.Reload()
    for name in ("loss", "gradient_norm"):
        found = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in logs.Tensors(name)}
        assert found == pytest.approx({row["step"]: row[name] for row in run.progress}) and len(found) > 2


def test_tensorboard_missing_names_the_extra(tiny, console, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    with pytest.raises(ExtraError, match=r'pip install "keras-charrnn\[tensorboard\]"'):
        keras_charrnn.fit({**tiny, "tensorboard": True}, console=console)
    assert not (tmp_path / "runs").exists()


def test_a_class_is_found_as_python_finds_it():
    found = keras_charrnn.registry.load_callback("keras.callbacks.TerminateOnNaN")
    assert found is keras.callbacks.TerminateOnNaN
