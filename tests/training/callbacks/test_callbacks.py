import io
import json
import re
import time
import types

import keras
import numpy as np
import pytest
import rich.cells
import rich.console
import tensorflow as tf

import keras_charrnn
from keras_charrnn.errors import SettingsError
from keras_charrnn.text import windows
from keras_charrnn.training import callbacks
from tests.conftest import TEXT

GRADIENTS = [np.array([[3.0, -4.0]], "float32"), np.array([12.0], "float32")]  # norms 5 and 12, together 13


def clip(**limits):
    clipped, metrics = callbacks.GradientClipping(**limits)([tf.constant(each) for each in GRADIENTS])
    return [each.numpy() for each in clipped], {name: float(value) for name, value in metrics.items()}


@pytest.mark.parametrize(
    ("limits", "wanted", "share"),
    [
        ({"norm": 6.5}, [each / 2 for each in GRADIENTS], 1),
        ({"norm": 14}, GRADIENTS, 0),
        ({"variable_norm": 6}, [GRADIENTS[0], GRADIENTS[1] / 2], 1),
        ({"variable_norm": 13}, GRADIENTS, 0),
        ({"value": 3.5}, [np.array([[3.0, -3.5]]), np.array([3.5])], 1),
        ({"value": 12}, GRADIENTS, 0),
        ({}, GRADIENTS, 0),
    ],
)
def test_gradients_are_clipped_as_asked_and_measured_before(limits, wanted, share):
    clipped, metrics = clip(**limits)
    for got, each in zip(clipped, wanted, strict=True):
        np.testing.assert_allclose(got, each, rtol=1e-6)
    assert metrics == {"gradient_norm": pytest.approx(13), "clipped": share}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"norm": 1, "value": 1}, "norm and value exclude one another"),
        ({"norm": 0}, "norm must be above 0; received 0"),
        ({"value": float("nan")}, "value must be above 0; received nan"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, message):
    with pytest.raises(SettingsError, match=message):
        callbacks.GradientClipping(**limits)


def test_a_reset_must_be_one_of_three():
    with pytest.raises(SettingsError, match="when must be one of epoch, never, window; received 'batch'"):
        callbacks.StateReset("batch")


def train(model, used, epochs=2, **options):
    ids = model.vocabulary.encode(TEXT)
    data = windows.training_windows(ids, 8, 16)
    model.compile(keras.optimizers.SGD(0.01), **options)
    history = model.fit(
        data, validation_data=windows.evaluation_windows(ids), epochs=epochs, verbose=0, callbacks=used(data)
    )
    return data, history.history


def test_the_clipped_step_is_the_one_that_is_taken(make_model):
    model = make_model()
    before = model.get_weights()
    train(model, lambda data: [callbacks.GradientClipping(value=1e-12)], epochs=1)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    assert model.gradient_clipping is None  # of the next fit


class Watching(callbacks.GradientClipping):
    """Remembers the norm of each step's gradient."""

    def __init__(self, **limits):
        super().__init__(**limits)
        self.norms = []

    def __call__(self, gradients):
        clipped, metrics = super().__call__(gradients)
        tf.py_function(lambda norm: self.norms.append(float(norm)), [metrics["gradient_norm"]], [])
        return clipped, metrics


LIMIT = 0.2


@pytest.fixture
def watched(once):
    """Return what was seen of a fit with most of the callbacks, made once: only to be read.

    It has the `folder` with files, the numbers of `steps` and `norms`, the `history`, and what was `shown` of samples
    and of the progress, `texts`, on no terminal and on one.
    """

    def make(folder):
        (folder / "samples").mkdir()
        model = keras_charrnn.CharRNN(keras_charrnn.Vocabulary(TEXT), cell="gru", units=12, embedding=6)
        shown, outs, clipping = [], [io.StringIO(), io.StringIO()], Watching(norm=LIMIT)
        consoles = [
            rich.console.Console(file=out, force_terminal=terminal, width=80, color_system=None)
            for out, terminal in zip(outs, [False, True], strict=True)
        ]

        def used(data):
            samples = callbacks.Samples(
                [0, 1.5], every_epochs=2, every_steps=data.steps // 2, prefix="the ", length=10,
                folder=folder / "samples", show=lambda *each: shown.append(each),
            )  # fmt: skip
            log = callbacks.MetricsLog(folder / "m.jsonl", folder / "t.jsonl", data.characters)
            return [clipping, log, *(callbacks.Progress(console, data.characters) for console in consoles), samples]

        data, history = train(model, used)
        seen = {"steps": data.steps, "norms": clipping.norms, "history": history, "shown": shown}
        (folder / "seen.json").write_text(json.dumps({**seen, "texts": [out.getvalue() for out in outs]}))

    folder = once("watched", make)
    return types.SimpleNamespace(folder=folder, **json.loads((folder / "seen.json").read_text()))


def test_clipping_metrics_are_means_over_the_epoch(watched):
    assert len(watched.norms) == 2 * watched.steps
    first = watched.norms[: watched.steps]
    np.testing.assert_allclose(watched.history["gradient_norm"][0], np.mean(first), rtol=1e-5)
    np.testing.assert_allclose(watched.history["clipped"][0], np.mean([norm > LIMIT for norm in first]), rtol=1e-5)


def test_samples_come_at_each_temperature_and_period(watched):
    shown, half = watched.shown, watched.steps // 2
    steps = [f"step-{half * n:06d}.txt" for n in range(1, 2 * watched.steps // half + 1)]
    assert sorted(path.name for path in (watched.folder / "samples").iterdir()) == ["epoch-002.txt", *steps]
    assert shown[0][0] == f"step {half}, temperature 0" and shown[1][0] == f"step {half}, temperature 1.5"
    assert all(text.startswith("the ") and len(text) == 14 for _, text in shown)
    written = (watched.folder / "samples" / "epoch-002.txt").read_text()
    assert "--- epoch 2, temperature 1.5 ---\nthe " in written


def test_the_period_holds_with_several_steps_an_execution(make_model):
    counts = []
    train(
        make_model(),
        lambda data: [callbacks.Samples([0], 0, 6, length=1, prefix="t", show=lambda title, _: counts.append(title))],
        steps_per_execution=4,
        epochs=1,
    )
    assert counts[0] == "step 8, temperature 0" and counts[1] == "step 12, temperature 0"


def test_the_metrics_of_each_epoch_are_in_a_file(watched):
    history = watched.history
    rows, clock = (
        [json.loads(line) for line in (watched.folder / name).read_text().splitlines()]
        for name in ("m.jsonl", "t.jsonl")
    )
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["step"] for row in rows] == [watched.steps, 2 * watched.steps]
    np.testing.assert_allclose([row["val_loss"] for row in rows], history["val_loss"])
    np.testing.assert_allclose(rows[0]["bits_per_character"], rows[0]["loss"] / np.log(2))
    np.testing.assert_allclose(rows[0]["val_bits_per_character"], rows[0]["val_loss"] / np.log(2))
    assert rows[0]["learning_rate"] == pytest.approx(0.01)
    assert [row["epoch"] for row in clock] == [1, 2]
    assert clock[0]["characters_per_second"] > 0 and clock[1]["seconds"] > clock[0]["seconds"] > 0
    assert {"gradient_norm", "clipped"} <= set(rows[0])


def test_the_speed_of_an_epoch_that_is_cut_short_is_of_its_own_windows(make_model, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.3)
            self.model.stop_training = True

    data, _ = train(
        make_model(),
        lambda data: [callbacks.MetricsLog(tmp_path / "m.jsonl", tmp_path / "t.jsonl", data.characters), Stop()],
    )
    (clock,) = (json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines())
    assert 0 < clock["characters_per_second"] < data.characters / data.steps / 0.3


@pytest.mark.parametrize(("epochs", "steps"), [(1, 2390), (10, 244_140)])
def test_the_bar_has_the_newest_look_and_the_best_within_80_columns(monkeypatch, epochs, steps):
    now = [0.0]
    monkeypatch.setattr("keras_charrnn.training.callbacks.speed.time.perf_counter", lambda: now[0])
    out = io.StringIO()
    shown = callbacks.Progress(rich.console.Console(file=out, force_terminal=True, width=80, color_system=None), 12_000)
    shown.set_params({"epochs": epochs, "steps": steps})
    shown.on_train_begin()
    shown.on_epoch_begin(0)
    shown.on_train_batch_begin(0)
    for loss in (1.62, 1.71):
        shown.look(0, 0.5, {"loss": 1.8, "val_part_loss": loss})
    now[0] = 1.0
    shown.on_train_batch_end(steps - 1, {"loss": 1.7341})
    shown.close()
    (row,) = {line for line in re.split(r"[\r\n]", out.getvalue()) if "look" in line}
    assert f"{steps}/{steps}  1.734  look 1.710, best 1.620  12k chars/s" in row
    assert rich.cells.cell_len(re.sub(r"\x1b\[\S*?[A-Za-z]", "", row)) <= 80


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_leaves_a_line_an_epoch_within_80_columns(watched, terminal):
    text = watched.texts[terminal]
    lines = [line for line in text.splitlines() if "validation" in line]
    assert len(lines) == 2
    assert "epoch 1/2  train " in lines[0] and " nats (" in lines[0] and " bits)" in lines[0] and "chars/s" in lines[0]
    assert ("step " in text) == terminal
    if not terminal:
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "\x1b" not in text
