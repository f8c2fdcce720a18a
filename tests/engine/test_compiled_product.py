"""Products inside compiled code: which, what they make, and when there are none."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine import compiled_product, onednn_product, transposed_product, xla_product
from keras_charrnn.engine.compute import has_bfloat16

native = pytest.mark.skipif(not has_bfloat16(), reason="the processor has no instructions for bfloat16")
# Earlier releases of XLA do not call oneDNN with a matrix that is packed: there the self-check has to say so.
HAS_PACKED = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 21)
packed = pytest.mark.skipif(not HAS_PACKED, reason="this TensorFlow's XLA does not call oneDNN with a packed matrix")
both = pytest.mark.parametrize("kind", [xla_product, pytest.param(onednn_product, marks=packed)])


def kernel(rng, rows, columns):
    return tf.constant(rng.normal(size=(rows, columns)).astype("float32"))


def half(x):
    return tf.cast(x, "bfloat16")


@pytest.fixture
def fits_anew():
    """`is_usable` without what it remembers, before and after."""
    compiled_product._is_exact.cache_clear()
    yield compiled_product.is_usable
    compiled_product._is_exact.cache_clear()


def test_a_large_kernel_is_packed():
    chosen = [compiled_product.choose(units, 4 * units, "bfloat16") for units in (64, 128, 256)]
    assert chosen == [xla_product, xla_product, onednn_product]


@pytest.mark.parametrize("kind", [xla_product, transposed_product])
def test_a_product_of_float32_numbers_is_numpys(kind, rng):
    u, x = kernel(rng, 256, 1024), kernel(rng, 4, 256)
    product = tf.function(kind.product, jit_compile=True)
    np.testing.assert_allclose(product(x, kind.pack(u, "float32"), 1024), x.numpy() @ u.numpy(), atol=1e-4)
    back = product(tf.matmul(x, u), kind.pack_transposed(u, "float32"), 256)
    np.testing.assert_allclose(back, x.numpy() @ u.numpy() @ u.numpy().T, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("units", "precision", "alone", "gpu", "kind"),
    [
        (512, "float32", True, False, transposed_product),
        (511, "float32", True, False, xla_product),
        (512, "float32", False, False, xla_product),
        (512, "float32", True, True, xla_product),
        (512, "float64", True, False, xla_product),
        (512, "bfloat16", True, False, onednn_product),
    ],
)
def test_a_large_one_of_float32_numbers_is_the_left_operand_with_avx2(units, precision, alone, gpu, kind, monkeypatch):
    monkeypatch.setattr(compiled_product, "has_avx2_alone", lambda: alone)
    monkeypatch.setattr(compiled_product, "has_gpu", lambda: gpu)
    assert compiled_product.choose(units, 4 * units, precision) is kind


@pytest.mark.parametrize(("columns", "wider"), [(96, 96), (512, 528), (1024, 1040)])
def test_rows_of_float32_numbers_are_kept_from_lying_a_power_of_two_apart(columns, wider, rng):
    u = kernel(rng, 3, columns)
    for found in (xla_product.pack(u, "float32"), xla_product.pack_transposed(tf.transpose(u), "float32")):
        assert found.shape == (3, wider)
        np.testing.assert_array_equal(found[:, :columns], u)
        np.testing.assert_array_equal(found[:, columns:], 0)
    assert xla_product.pack(u, "bfloat16").shape == (3, columns)  # is packed in any case


ROWS = [1, 4, 25, 64]
SIZES = [(64, 64), (128, 512), (192, 576), (160, 640), (99, 297), (75, 75)]


@native
@both
@pytest.mark.parametrize(
    ("rows", "units", "columns"),
    [
        pytest.param(rows, *size, marks=() if row == place % len(ROWS) else pytest.mark.thorough)
        for place, size in enumerate(SIZES)
        for row, rows in enumerate(ROWS)
    ],
)
def test_the_product_is_that_of_the_rounded_numbers(kind, rows, units, columns, rng):
    u, x, y = kernel(rng, units, columns), half(kernel(rng, rows, units)), half(kernel(rng, rows, columns))
    assert compiled_product._is_exact(kind, rows, units, columns)

    @tf.function(jit_compile=True)
    def products(x, y, forward, backward):
        return kind.product(x, forward, columns), kind.product(y, backward, units)

    plain = half(u).numpy().astype("float64")
    found = products(x, y, kind.pack(u), kind.pack_transposed(u))
    for product, expected in zip(
        found, (x.numpy().astype("float64") @ plain, y.numpy().astype("float64") @ plain.T), strict=True
    ):
        # The sums are float32, so that all there is to see is the rounding of the result, if it is bfloat16.
        tolerance = 2**-8 if product.dtype == "bfloat16" else 1e-5
        np.testing.assert_allclose(product.numpy().astype("float64"), expected, rtol=tolerance, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_none_of_unknown_rows(precision):
    assert not compiled_product.is_usable(None, 64, 64, precision)


@native
@pytest.mark.skipif(HAS_PACKED, reason="this TensorFlow's XLA calls oneDNN with a packed matrix")
def test_none_of_a_release_without_the_call(fits_anew):
    assert fits_anew(4, 64, 64, "bfloat16") and not fits_anew(4, 256, 1024, "bfloat16")


def test_none_without_instructions(monkeypatch, fits_anew):
    monkeypatch.setattr(compiled_product, "has_bfloat16", lambda: False)
    assert not fits_anew(4, 64, 64, "bfloat16")
    assert fits_anew(4, 64, 64, "float32")


@native
@pytest.mark.parametrize(
    ("kind", "name", "other"),
    [
        # TensorFlow has no such operation; XLA has no such call; oneDNN wants another order.
        pytest.param(onednn_product, "xla_custom_call_v2", None, marks=packed),
        pytest.param(onednn_product, "_TARGET", "__another$matmul", marks=packed),
        pytest.param(onednn_product, "pack", lambda kernel, _: tf.reshape(half(kernel), (-1,)), marks=packed),
        pytest.param(onednn_product, "pack_transposed", onednn_product.pack, marks=packed),
        (xla_product, "xla_dot_v2", None),
        (xla_product, "product", lambda x, kernel, columns: tf.matmul(x, kernel) + 1),
    ],
)
def test_none_where_it_would_be_another_product(kind, name, other, monkeypatch, fits_anew):
    monkeypatch.setattr(compiled_product, "PACKED", 0 if kind is onednn_product else compiled_product.PACKED)
    assert fits_anew(4, 64, 64, "bfloat16")
    monkeypatch.setattr(kind, name, other)
    compiled_product._is_exact.cache_clear()
    assert not fits_anew(4, 64, 64, "bfloat16")


def test_on_a_gpu_xla_makes_the_products_of_any_size_inside(monkeypatch):
    monkeypatch.setattr(compiled_product, "has_gpu", lambda: True)
    for precision in ("float32", "bfloat16"):
        assert compiled_product.is_usable(8, 512, 2048, precision)
        assert compiled_product.choose(512, 2048, precision) is xla_product
    assert not compiled_product.is_usable(None, 512, 2048, "float32")
