"""The order of a packed matrix; its products are tried in test_inside.py."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine import onednn_product


@pytest.mark.parametrize(("rows", "columns"), [(64, 128), (128, 64), (192, 256), (160, 640), (99, 65)])
def test_pairs_of_rows_lie_in_blocks_of_columns(rows, columns, rng):
    u = tf.constant(rng.normal(size=(rows, columns)).astype("float32"))
    whole = np.pad(tf.cast(u, "bfloat16").numpy(), ((0, -rows % 32), (0, -columns % 64)))
    expected = whole.reshape(len(whole) // 2, 2, -1, 64).transpose(2, 0, 3, 1).ravel()
    assert onednn_product.pack(u).dtype == "bfloat16"
    np.testing.assert_array_equal(onednn_product.pack(u).numpy(), expected)
    np.testing.assert_array_equal(onednn_product.pack_transposed(tf.transpose(u)).numpy(), expected)
