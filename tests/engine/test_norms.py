"""Normalised rows are what their equations say, and so are their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine.norms import layer_norm, rms_norm
from keras_charrnn.engine.rows import row_max, row_mean

WIDTHS = [1, 31, 32, 40, 64, 100, 768, 4101]  # of one lane, of several, with a rest, with lanes that are wider
EPSILON = 1e-5


def plain(name, x):
    if name == "layer_norm":
        x = x - tf.reduce_mean(x, -1, keepdims=True)
    return x / tf.sqrt(tf.reduce_mean(x * x, -1, keepdims=True) + EPSILON)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_mean_and_the_maximum_of_a_row_are_those(width, rng):
    x = rng.normal(size=(3, width)).astype("float32")
    np.testing.assert_array_equal(row_max(tf.constant(x)), x.max(-1, keepdims=True))
    np.testing.assert_allclose(row_mean(tf.constant(x)), x.astype("float64").mean(-1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("width", WIDTHS[1:])
@pytest.mark.parametrize("norm", [rms_norm, layer_norm])
def test_values_and_gradients_are_those_of_the_equations(norm, width, rng):
    x, weight = (tf.constant(rng.normal(1, 2, size=(3, width))) for _ in range(2))
    found = []
    for make in (lambda: norm(x, EPSILON), lambda: plain(norm.__name__, x)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = make()
            loss = tf.reduce_sum(weight * tf.sin(y))
        found.append((y, tape.gradient(loss, x)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm", [rms_norm, layer_norm])
def test_a_row_of_zeros_stays_one(norm):
    x = tf.zeros((2, 100))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = norm(x, EPSILON)
    assert not np.any(y) and np.isfinite(tape.gradient(y, x)).all()
