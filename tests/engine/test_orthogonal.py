"""The nearest orthogonal matrix against NumPy's singular values."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine.orthogonal import orthogonalize


@pytest.mark.parametrize(
    ("shape", "precision", "tolerance"),
    [
        ((4, 12), "float32", 0.1),
        ((12, 4), "float32", 0.1),
        ((7, 7), "float32", 0.1),
        ((1, 5), "float32", 0.1),
        ((64, 192), "bfloat16", 0.35),  # of few numbers, the rounding of each weighs more
        ((192, 64), "bfloat16", 0.35),
    ],
)
def test_singular_values_come_near_one_and_directions_stay(shape, precision, tolerance, rng):
    least = min(shape)
    u, v = (np.linalg.qr(rng.normal(size=(width, least)))[0] for width in shape)
    x = u * np.geomspace(1, 0.05, least) @ v.T  # of the largest singular value, 0.05 is above a fiftieth
    for scale in (1e-6, 1.0, 1e6):
        found = orthogonalize(tf.constant(scale * x, tf.float32), precision)
        assert found.shape == shape and found.dtype == tf.float32
        np.testing.assert_allclose(u.T @ found.numpy() @ v, np.eye(least), atol=tolerance)


def test_small_singular_values_stay_small_and_zeros_are_zeros(rng):
    x = np.outer(rng.normal(size=6), rng.normal(size=9)).astype("float32")
    values = np.linalg.svd(orthogonalize(tf.constant(x), "float32"), compute_uv=False)
    np.testing.assert_allclose(values[0], 1, atol=0.1)
    assert values[1] < 1e-3
    assert not orthogonalize(tf.zeros((3, 5)), "bfloat16").numpy().any()


@pytest.mark.parametrize("shape", [(130, 200), (200, 130)])
def test_many_rows_are_made_orthogonal_in_blocks(shape, rng):
    x = rng.normal(size=shape).astype("float32")
    found = orthogonalize(tf.constant(x), "float32").numpy()
    assert found.shape == shape
    x, found = (x, found) if shape[0] < shape[1] else (x.T, found.T)
    for block in (slice(0, 44), slice(44, 88), slice(88, 130)):  # three of 44 rows, the last one with two of zeros
        u, _, v = np.linalg.svd(x[block], full_matrices=False)
        np.testing.assert_allclose(found[block], u @ v, atol=0.1)
