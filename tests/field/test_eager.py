"""Run eagerly, a cell's equations see numbers, and a model gives what it gives compiled; a new report is a new row."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_charrnn
from keras_charrnn import GatedCell, LinearCell, register_cell
from tests.conftest import TEXT


def see(zx):
    """Look at numbers as people do, which symbols do not allow."""
    if tf.config.functions_run_eagerly():
        zx.numpy()
    SEEN.append(zx)


class Gated(GatedCell):
    gates = ("update", "candidate")

    def combine(self, zx, zr, states):
        see(zx)
        z, g = ops.split(zx + zr, 2, axis=-1)
        z = ops.sigmoid(z)
        return {"h": z * states["h"] + (1 - z) * ops.tanh(g)}


class Noisy(Gated):
    def draw_noise(self, seed, start, steps, batch_size):
        width = 2 * self.units
        return tf.unstack(0.1 * tf.random.stateless_normal((steps, batch_size, width), seed, alg="philox"))

    def combine(self, zx, zr, states, noise):
        return super().combine(zx if noise is None else zx + noise, zr, states)


class Linear(LinearCell):
    gates = ("forget", "candidate")

    def coefficients(self, zx):
        see(zx)
        f, g = ops.split(zx, 2, axis=-1)
        f = ops.sigmoid(f)
        return f, (1 - f) * ops.tanh(g)


SEEN = []  # the zx of each call of the equations
WINDOW = 4


def numbers_seen():
    """Return the share of the calls since the last time in which there were numbers to print."""
    seen = [hasattr(each, "numpy") and np.isfinite(each.numpy()).all() for each in SEEN]
    SEEN.clear()
    return np.mean(seen)


@pytest.fixture
def eagerly():
    before = tf.config.functions_run_eagerly()
    yield lambda: tf.config.run_functions_eagerly(True)
    tf.config.run_functions_eagerly(before)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (Noisy, {"dropout": 0.2}),
        pytest.param(Noisy, {"layers": 2, "zoneout": 0.1, "normalization": "rms"}, marks=pytest.mark.thorough),
        pytest.param(Gated, {"fresh_lines": True, "weight_drop": 0.1}, marks=pytest.mark.thorough),
        pytest.param(Gated, {"embedding": "one_hot", "recurrent_dropout": 0.1}, marks=pytest.mark.thorough),
        pytest.param(Linear, {"layers": 2}, marks=pytest.mark.thorough),
    ],
)
def test_a_model_gives_the_same_numbers_eagerly(cls, settings, make_model, eagerly):
    register_cell("field")(cls)
    model, results, texts = make_model(cell="field", units=4, **settings), [], []
    ids = model.vocabulary.encode(TEXT).astype("int32")
    start = model.get_weights()
    for run_eagerly in (False, True):
        if run_eagerly:
            eagerly()
        model.set_weights(start)
        model.replicas = 2
        model.compile("sgd", run_eagerly=run_eagerly)
        model.reset_states()
        windows = keras_charrnn.windows.training_windows(ids[: 4 * 2 * WINDOW + 1], 4, WINDOW)
        history = model.fit(windows, epochs=1, verbose=0).history["loss"]
        trained = numbers_seen()
        texts.append(model.generate("the ", 6, seed=1))
        results.append((history, *model.get_weights(), model.score("the quick").nats))
        read = numbers_seen()
        assert min(trained, read) > 0.9 if run_eagerly else max(trained, read) < 0.5
    assert texts[0] == texts[1]
    for compiled, eager in zip(*results, strict=True):
        np.testing.assert_allclose(eager, compiled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cls", [Gated, Linear])
def test_a_model_that_is_compiled_to_run_eagerly_shows_numbers_in_fit_and_evaluate(cls, make_model):
    register_cell("field")(cls)
    model = make_model(cell="field", units=4)
    model.compile("sgd", run_eagerly=True)
    ids = model.vocabulary.encode(TEXT).astype("int32")
    windows = keras_charrnn.windows.training_windows(ids[: 2 * WINDOW + 1], 2, WINDOW)
    model.fit(windows, verbose=0)
    assert numbers_seen() > 0.8
    model.evaluate(windows, verbose=0)
    assert numbers_seen() > 0.5
    assert not tf.config.functions_run_eagerly()
