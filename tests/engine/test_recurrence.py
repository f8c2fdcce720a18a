"""The linear recurrence and its gradient against a NumPy loop, by the loop and by the associative scan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import linear_recurrence
from keras_charrnn.engine.recurrence import solve

B, H = 2, 3


def numbers(length, rng):
    """Return a, b and h0."""
    a = rng.uniform(-1, 1, (length, B, H))
    return [each.astype("float32") for each in (a, rng.normal(size=a.shape), rng.normal(size=(B, H)))]


def numpy_recurrence(a, b, h):
    outputs = []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        outputs.append(h)
    return np.stack(outputs), h


@pytest.mark.parametrize("length", [1, 37, *(pytest.param(each, marks=pytest.mark.thorough) for each in (2, 64))])
def test_each_step_is_a_h_plus_b(length, rng):
    a, b, h0 = numbers(length, rng)
    for got, wanted in zip(linear_recurrence(a, b, h0), numpy_recurrence(a, b, h0), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_the_gradient_is_that_of_finite_differences(rng):
    values = numbers(9, rng)
    pull, last_pull = rng.normal(size=(9, B, H)), rng.normal(size=(B, H))

    def loss(values):
        outputs, last = numpy_recurrence(*values)
        return (outputs * pull).sum() + (last * last_pull).sum()

    tensors = list(map(tf.constant, values))
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs, last = linear_recurrence(*tensors)
        total = tf.reduce_sum(outputs * pull.astype("float32")) + tf.reduce_sum(last * last_pull.astype("float32"))
    for place, gradient in enumerate(tape.gradient(total, tensors)):
        for at in np.ndindex(*values[place].shape):
            up, down = ([value.astype("float64") for value in values] for _ in range(2))
            up[place][at] += 1e-6
            down[place][at] -= 1e-6
            np.testing.assert_allclose(gradient[at], (loss(up) - loss(down)) / 2e-6, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("length", "reverse", "associative"),
    [
        *((37, *ways) for ways in itertools.product([False, True], repeat=2)),
        *[(1, True, True), (2, False, True), (64, True, False)],
        *(
            pytest.param(length, *ways, marks=pytest.mark.thorough)
            for length, quick in {1: (True, True), 2: (False, True), 64: (True, False)}.items()
            for ways in itertools.product([False, True], repeat=2)
            if ways != quick
        ),
    ],
)
def test_the_loop_and_the_associative_scan_go_both_ways(length, reverse, associative, rng):
    """The scan is for a GPU, but what it computes is the same on any machine."""
    compiled = tf.function(solve, jit_compile=True, autograph=False)
    a, b, h0 = numbers(length, rng)
    order = slice(None, None, -1 if reverse else 1)
    wanted, _ = numpy_recurrence(a[order], b[order], h0)
    got = compiled(*map(tf.constant, (a, b, h0)), reverse=reverse, associative=associative)
    np.testing.assert_allclose(got, wanted[order], atol=1e-5)
