"""Products with a packed matrix: the order, the product, and when there is none."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.compute import has_bfloat16
from keras_charrnn.layers import packed

native = pytest.mark.skipif(not has_bfloat16(), reason="the processor has no instructions for bfloat16")


def kernel(rng, rows, columns):
    return tf.constant(rng.normal(size=(rows, columns)).astype("float32"))


def half(x):
    return tf.cast(x, "bfloat16")


@pytest.fixture
def fits_anew():
    """`fits` without what it remembers, before and after."""
    packed._is_exact.cache_clear()
    yield packed.fits
    packed._is_exact.cache_clear()


@pytest.mark.parametrize(("rows", "columns"), [(64, 128), (128, 64), (192, 256), (160, 640), (99, 65)])
def test_pairs_of_rows_lie_in_blocks_of_columns(rows, columns, rng):
    u = kernel(rng, rows, columns)
    whole = np.pad(half(u).numpy(), ((0, -rows % 32), (0, -columns % 64)))
    expected = whole.reshape(len(whole) // 2, 2, -1, 64).transpose(2, 0, 3, 1).ravel()
    assert packed.pack(u).dtype == "bfloat16"
    np.testing.assert_array_equal(packed.pack(u).numpy(), expected)
    np.testing.assert_array_equal(packed.pack_transposed(tf.transpose(u)).numpy(), expected)


@native
@pytest.mark.parametrize("rows", [1, 4, 25, 64])
@pytest.mark.parametrize(("units", "columns"), [(64, 64), (128, 512), (192, 576), (160, 640), (99, 297), (75, 75)])
def test_the_product_is_that_of_the_rounded_numbers(rows, units, columns, rng):
    u, x, y = kernel(rng, units, columns), half(kernel(rng, rows, units)), half(kernel(rng, rows, columns))
    assert packed.fits(rows, units, columns)

    @tf.function(jit_compile=True)
    def products(x, y, forward, backward):
        return packed.product(x, forward, columns), packed.product(y, backward, units)

    plain = half(u).numpy().astype("float64")
    found = products(x, y, packed.pack(u), packed.pack_transposed(u))
    for product, expected in zip(
        found, (x.numpy().astype("float64") @ plain, y.numpy().astype("float64") @ plain.T), strict=True
    ):
        # The sums are float32, so that all there is to see is the rounding of the result.
        np.testing.assert_allclose(product.numpy().astype("float64"), expected, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize("size", [(None, 64, 64), (4, 63, 64)])
def test_none_of_unknown_rows_or_few_units(size):
    assert not packed.fits(*size)


def test_none_without_instructions(monkeypatch, fits_anew):
    monkeypatch.setattr(packed, "has_bfloat16", lambda: False)
    assert not fits_anew(4, 64, 64)


@native
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("xla_custom_call_v2", None),  # TensorFlow has no such operation
        ("_TARGET", "__another$matmul"),  # XLA has no such call
        ("pack", lambda kernel: tf.reshape(half(kernel), (-1,))),  # oneDNN wants another order
        ("pack_transposed", packed.pack),
    ],
)
def test_none_where_it_would_be_another_product(name, other, monkeypatch, fits_anew):
    assert fits_anew(4, 64, 64)
    monkeypatch.setattr(packed, name, other)
    monkeypatch.setattr(packed, "_compiled_product", tf.function(packed.product, jit_compile=True, autograph=False))
    packed._is_exact.cache_clear()
    assert not fits_anew(4, 64, 64)
