"""What a cell makes of its input products before the loop, compiled. TensorFlow only.

Shapes in letters: N steps times rows, or symbols; H units, G gates.
"""

import tensorflow as tf

from keras_charrnn.engine.stand_ins import StandIns, require_no_effects
from keras_charrnn.engine.trying import naming, try_compiled
from keras_charrnn.errors import CellError
from keras_charrnn.plugins import plugin_of, where_defined


class Preparation:
    """A cell's `prepare`, run once for all products of a window, or for those of all symbols.

    Its gradient runs it again, so that nothing in between is kept.

    Args:
        cell: A built `GatedCell`.

    Raises:
        CellError: If `prepare` of a user's cell fails, or returns another shape or NaN.
        EffectError: If it keeps something, or draws noise.
    """

    def __init__(self, cell):
        self._cell, self._prepare = cell, cell.unwrap().prepare
        self._make_functions(jit_compile=True)
        if plugin_of(type(cell.unwrap())) is not None:  # the package's own are tested
            with tf.init_scope(), naming(cell.unwrap(), "prepare"):
                self._try_out()

    def __call__(self, zx):
        """Return what `prepare` makes of zx (..., G*H), in the type of zx."""

        @tf.custom_gradient
        def run(rows, *weights):
            return self._forward(rows, weights), lambda d_rows: self._backward(rows, weights, d_rows)

        rows = tf.reshape(zx, (-1, zx.shape[-1]))
        return tf.ensure_shape(tf.reshape(run(rows, *self._weights()), tf.shape(zx)), zx.shape)

    def _make_functions(self, jit_compile):
        how = {"jit_compile": jit_compile, "autograph": False, "reduce_retracing": True}
        self._forward, self._backward = tf.function(self._run, **how), tf.function(self._go_back, **how)

    def _try_out(self):
        zeros, weights = tf.zeros((2, len(self._cell.gates) * self._cell.units)), self._weights()
        if not tf.config.functions_run_eagerly():
            traced = tf.function(self._run, autograph=False).get_concrete_function(zeros, weights)
            require_no_effects(self._prepare, traced.graph)
        try_compiled(
            self._cell.unwrap(), "prepare", lambda: {"zx": self._forward(zeros, weights)}, self._make_functions
        )

    def _weights(self):
        return tuple(map(tf.convert_to_tensor, self._cell.own_weights))

    def _run(self, rows, weights):
        with StandIns(self._prepare, self._cell.own_weights, weights):
            result = self._prepare(tf.cast(rows, self._cell.variable_dtype))
        if (received := getattr(result, "shape", type(result).__name__)) != rows.shape:
            raise CellError(
                f"{type(self._cell.unwrap()).__name__}.prepare must return a tensor of the shape of zx, "
                f"{tuple(rows.shape)}; received {received} ({where_defined(self._prepare)})"
            )
        return tf.cast(result, rows.dtype)

    def _go_back(self, rows, weights, d_result):
        with tf.GradientTape() as tape:
            tape.watch([rows, weights])
            result = self._run(rows, weights)
        d_rows, d_weights = tape.gradient(result, [rows, weights], d_result, unconnected_gradients="zero")
        return d_rows, *d_weights
