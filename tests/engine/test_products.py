import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine.compiled_product import has_gpu
from keras_charrnn.engine.products import STRIDE, backward_product, project, rounded


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_projection_and_its_gradient_are_products(precision, tolerance, rng):
    x, kernel, bias = (tf.constant(rng.normal(size=shape).astype("float32")) for shape in [(5, 3), (3, 2), (2,)])
    with tf.GradientTape() as tape:
        tape.watch([x, kernel, bias])
        y = project(x, kernel, bias, precision)
    dx, dk, db = tape.gradient(y, [x, kernel, bias])
    ones = np.ones((5, 2), "float32")
    products = [(y, x.numpy() @ kernel.numpy() + bias), (dx, ones @ kernel.numpy().T), (dk, x.numpy().T @ ones)]
    for got, wanted in [*products, (db, ones.sum(0))]:
        np.testing.assert_allclose(got, wanted, atol=tolerance * 3)
    assert y.dtype == tf.float32


@pytest.mark.parametrize("columns", [64, STRIDE])
@pytest.mark.parametrize("transposed", ["x", "y"])
def test_a_backward_product_is_numpys_whoever_makes_it(columns, transposed, rng):
    x = rng.normal(size=(30, 8 if transposed == "x" else columns)).astype("float32")
    y = rng.normal(size=(30 if transposed == "x" else 5, columns)).astype("float32")
    expected = x.T @ y if transposed == "x" else x @ y.T

    @tf.function(autograph=False)
    def multiply(x, y):
        return backward_product(x, y, **{f"transpose_{transposed}": True})

    np.testing.assert_allclose(multiply(x, y), expected, rtol=1e-4, atol=1e-3)
    calls = {each.type for each in multiply.get_concrete_function(x, y).graph.get_operations()}
    assert ("MatMul" in calls) == (columns != STRIDE or has_gpu())  # else within a call of what XLA compiles


def test_rounded_is_a_cast_to_the_last_bit():
    numbers = np.arange(0, 2**32, 977, dtype=np.uint32).view(np.float32)  # of every kind, from each sign and exponent
    expected, compiled = tf.cast(numbers, tf.bfloat16), tf.function(rounded, jit_compile=True)
    for found in (rounded(tf.constant(numbers), "bfloat16"), compiled(numbers, "bfloat16")):
        found = found.numpy()
        nan = np.isnan(numbers)
        assert nan.any() and np.isnan(found[nan].astype(np.float32)).all()
        assert np.array_equal(found[~nan].view(np.uint16), expected.numpy()[~nan].view(np.uint16))


def test_rounded_is_a_cast_of_and_to_other_types():
    numbers, doubles = tf.constant([0.1, 2.0]), tf.constant([0.1, 2.0], "float64")
    assert rounded(numbers, "float32") is numbers
    assert np.array_equal(rounded(doubles, "bfloat16"), tf.cast(doubles, "bfloat16"))
