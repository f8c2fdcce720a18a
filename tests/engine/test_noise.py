"""Seeds that follow from seeds."""

import tensorflow as tf

from keras_charrnn.engine.noise import fold_in, fold_in_each


def test_seeds_that_are_made_at_once_are_those_that_are_made_one_by_one():
    seed = tf.constant([3, -4])
    expected = [fold_in(seed, number).numpy().tolist() for number in range(5, 9)]
    assert fold_in_each(seed, 5, 4).numpy().tolist() == expected
    assert tf.function(lambda: fold_in_each(seed, 5, 4))().numpy().tolist() == expected
