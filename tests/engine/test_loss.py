import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine.loss import mean_cross_entropy


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("bfloat16", 0.02)])
def test_the_loss_and_its_gradient_are_those_of_softmax_and_logarithm(precision, tolerance, rng):
    hidden, kernel, bias = (tf.constant(rng.normal(size=shape).astype("float32")) for shape in [(6, 4), (4, 5), (5,)])
    targets = np.array([0, 4, 2, 2, 1, 3], "int32")
    with tf.GradientTape() as tape:
        tape.watch([hidden, kernel, bias])
        loss = 3 * mean_cross_entropy(hidden, kernel, bias, tf.constant(targets), precision)[0]
    got = tape.gradient(loss, [hidden, kernel, bias])
    logits = hidden.numpy().astype("float64") @ kernel.numpy() + bias.numpy()
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(loss, -3 * np.log(shares[np.arange(6), targets]).mean(), atol=tolerance * 3)
    d_logits = 3 * (shares - np.eye(5)[targets]) / 6
    wanted = [d_logits @ kernel.numpy().T, hidden.numpy().T @ d_logits, d_logits.sum(0)]
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_the_loss_is_finite_for_any_logits():
    hidden = tf.constant([[1e4, -1e4], [-1e4, 1e4]])
    loss, _ = mean_cross_entropy(hidden, tf.eye(2), tf.zeros(2), tf.constant([1, 1]), "float32")
    np.testing.assert_allclose(loss, 1e4)


@pytest.mark.parametrize("symbols", [1, 31, 33, 65, 100, 1100])
def test_so_it_is_of_any_number_of_symbols(symbols, rng):
    logits = 30 * rng.normal(size=(3, symbols)).astype("float32")
    targets = rng.integers(symbols, size=3)
    kernel, wanted = tf.eye(symbols), tf.constant(targets, tf.int32)
    with tf.GradientTape() as tape:
        bias = tf.zeros(symbols)
        tape.watch(bias)
        loss, nats = mean_cross_entropy(tf.constant(logits), kernel, bias, wanted, "float32")
    logs = logits - logits.max(1, keepdims=True).astype("float64")
    logs -= np.log(np.exp(logs).sum(1, keepdims=True))
    np.testing.assert_allclose([loss, nats], -logs[np.arange(3), targets].mean(), rtol=1e-5, atol=1e-6)
    d_bias = (np.exp(logs) - np.eye(symbols)[targets]).mean(0)
    np.testing.assert_allclose(tape.gradient(loss, bias), d_bias, atol=1e-6)


def test_smoothing_spreads_a_share_of_the_target_and_the_plain_loss_stays(rng):
    hidden, bias = tf.constant(rng.normal(size=(6, 4)).astype("float32")), tf.zeros(5)
    kernel = tf.constant(rng.normal(size=(4, 5)).astype("float32"))
    targets = np.array([0, 4, 2, 2, 1, 3], "int32")
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        loss, nats = mean_cross_entropy(hidden, kernel, bias, tf.constant(targets), "float32", smoothing=0.2)
    log_shares = tf.nn.log_softmax(hidden @ kernel).numpy()
    wanted = 0.8 * np.eye(5)[targets] + 0.2 / 5
    np.testing.assert_allclose(loss, -(wanted * log_shares).sum(-1).mean(), rtol=1e-5)
    np.testing.assert_allclose(nats, -log_shares[np.arange(6), targets].mean(), rtol=1e-5)
    d_logits = (np.exp(log_shares) - wanted) / 6
    np.testing.assert_allclose(tape.gradient(loss, hidden), d_logits @ kernel.numpy().T, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_taught_is_mixed_with_the_targets_whose_own_loss_stays(smoothing, weighted, rng):
    hidden, kernel, bias = (tf.constant(rng.normal(size=shape).astype("float32")) for shape in [(6, 4), (4, 5), (5,)])
    targets, taught = np.array([0, 4, 2, 2, 1, 3], "int32"), rng.uniform(0.1, 1, (6, 5)).astype("float16")
    weights = np.array([1.5, 0.5, 1, 0, 2, 1], "float32") if weighted else None
    with tf.GradientTape() as tape:
        tape.watch([hidden, bias])
        loss, nats = mean_cross_entropy(
            hidden, kernel, bias, tf.constant(targets), "float32", smoothing, weights, tf.constant(taught), 0.3
        )
    log_shares = tf.nn.log_softmax(hidden @ kernel + bias).numpy()
    own = (1 - smoothing) * np.eye(5)[targets] + smoothing / 5
    taught = taught.astype("float64")
    wanted = 0.7 * own + 0.3 * taught / taught.sum(1, keepdims=True)
    weights = np.ones(6) if weights is None else weights
    np.testing.assert_allclose(loss, (weights * -(wanted * log_shares).sum(-1)).mean(), rtol=1e-5)
    np.testing.assert_allclose(nats, (weights * -log_shares[np.arange(6), targets]).mean(), rtol=1e-5)
    d_logits = weights[:, None] * (np.exp(log_shares) - wanted) / 6
    wanted = [d_logits @ kernel.numpy().T, d_logits.sum(0)]
    for one, other in zip(tape.gradient(loss, [hidden, bias]), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
