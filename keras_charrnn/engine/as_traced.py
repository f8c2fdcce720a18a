"""Graphs that are run as they have been traced. TensorFlow only."""

import contextlib

import tensorflow as tf

from keras_charrnn.engine.compiled_product import has_gpu

_OPTIONS = tf.config.optimizer


@contextlib.contextmanager
def as_traced():
    """Do without TensorFlow's graph optimizer for the functions that are first run here, on a CPU.

    It takes longer than ten steps of a training. A step is no quicker for it, most of which is in code that XLA
    compiles. What is run here once is to be run here always: elsewhere it would be prepared, and compiled, anew.
    """
    if has_gpu():
        yield
        return
    before = _OPTIONS.get_experimental_options().get("disable_meta_optimizer", False)
    _OPTIONS.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        _OPTIONS.set_experimental_options({"disable_meta_optimizer": before})


def follow():
    """Let this thread go by the options of now, not by those of the functions that it has run before."""
    _OPTIONS.set_experimental_options({})
