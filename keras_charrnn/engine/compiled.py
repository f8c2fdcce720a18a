"""Functions that XLA compiles while the graph around them is still being made. TensorFlow only."""

import concurrent.futures
import functools

import tensorflow as tf

from keras_charrnn.engine.as_traced import follow

# One thread, for XLA spreads what it compiles over the cores by itself.
_AHEAD = concurrent.futures.ThreadPoolExecutor(1, "keras_charrnn.compiled")


def compiled(function):
    """Return a function of tensors, structures of them and None as one that XLA compiles.

    Ordinarily XLA begins when the function is first run, after all that is around it has been traced and optimized. As
    a part of a graph, this one is run on zeros in a thread of its own as soon as it has been traced. Its compilation,
    half of what it takes to begin a training, is over by then where there is a second core.
    """

    @functools.wraps(function)
    def traced(*arguments):
        if tf.inside_function() and tf.compat.v1.get_default_graph().outer_graph.building_function:
            _AHEAD.submit(_run_on_zeros, result, tf.nest.map_structure(_spec, arguments))
        return function(*arguments)

    result = tf.function(traced, jit_compile=True, autograph=False)
    return result


def _spec(argument):
    return tf.TensorSpec(argument.shape, argument.dtype) if tf.is_tensor(argument) else argument


def _zeros(spec):
    return tf.zeros(spec.shape, spec.dtype) if isinstance(spec, tf.TensorSpec) else spec


def _run_on_zeros(function, specs):
    follow()  # what is compiled is found by those who run it with the same options
    zeros = tf.nest.map_structure(_zeros, specs)
    # In a graph here too: what is compiled for a call outside of any is not found there.
    return tf.function(lambda: function(*zeros), autograph=False)()
