"""Compiled functions run as plain Python, for those who look into a step. TensorFlow only."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def eagerly(wanted):
    """Run TensorFlow's functions eagerly for a while, where that is wanted: a cell's equations then see numbers."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(before or wanted)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
