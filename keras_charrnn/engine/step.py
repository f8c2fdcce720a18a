"""The pointwise part of a `GatedCell`'s step and its gradient, compiled. TensorFlow only.

Shapes in letters: B batch, H units, G gates.
"""

import json
import weakref

import keras
import tensorflow as tf

from keras_charrnn.engine import compiled_product
from keras_charrnn.engine.loop import Loop
from keras_charrnn.engine.noise import fold_in_each
from keras_charrnn.engine.products import rounded
from keras_charrnn.engine.stand_ins import StandIns, require_no_effects
from keras_charrnn.engine.trying import naming, try_compiled
from keras_charrnn.plugins import plugin_of

_FIRST = weakref.WeakValueDictionary()  # of the steps that are alike the one that is traced and compiled for all


class Step:
    """The pointwise part of a cell's step and its gradient, compiled.

    Steps of cells that are alike, as those of a deep model's layers, or of training and of evaluation where that makes
    no difference, are traced and compiled once.

    Args:
        cell: A built `GatedCell`.
        training: Passed to `combine`.
        precision: Of the products: one of `products.PRECISIONS`.

    Attributes:
        noisy: Whether `combine` is to have a seed or noise.
        biases: How many of the products have a bias: 1, 2 where the recurrent product has one of its own, or 0.
    """

    def __init__(self, cell, training, precision):
        self.cell, self.training, self.precision = cell, training, precision
        self.noisy = training and cell.noisy
        self.biases = len(cell.biases)
        self._tried = set()
        likeness = _likeness(cell)
        kind = likeness, training and cell.knows_training, precision
        self._first = self if likeness is None else _FIRST.setdefault(kind, self)
        if self._first is self:
            self._same_gradient, self._own_output, self._reads = None, None, None
            self._loop = Loop(self)
            self._make_functions(jit_compile=True)

    def _make_functions(self, jit_compile):
        self._compiled = jit_compile
        self.traced_backward = tf.function(self.run_backward, autograph=False)  # to be a part of a compiled loop
        self._forward = tf.function(self.run_forward, jit_compile=jit_compile, autograph=False)
        self._backward = tf.function(self.run_backward, jit_compile=jit_compile, autograph=False)

    def try_out(self):
        """Run a user's cell on zeros, once compiled and once eagerly, where an error still has a name and a place.

        Raises:
            CellError: If `combine` fails, returns NaN, or reads a variable that is to be trained.
            EffectError: If it keeps something besides the states, or draws noise that no seed gives.
        """
        eager = tf.config.functions_run_eagerly()
        if eager in self._tried or plugin_of(type(self.cell.unwrap())) is None:
            return  # the package's own are tested
        cell = self.cell.unwrap()
        with tf.init_scope(), naming(cell, "combine"):  # now, and not as a part of the graph that is being made
            self.require_no_effects()
            try_compiled(cell, "combine", self._run_on_zeros, self._make_functions)
        self._tried.add(eager)

    def require_no_effects(self):
        """Raise a CellError or an EffectError, as `try_out` does, without compiling anything."""
        cell, before, weights = self.cell, self._zeros(), self.weights()
        equations, (zx, zr, states, noise) = cell.unwrap().equations, before
        with naming(cell.unwrap(), "combine"):
            if not tf.config.functions_run_eagerly():  # then `combine` may want numbers, as `zx.numpy()` does
                traced = tf.function(self.run_forward, autograph=False).get_concrete_function(*before, weights)
                require_no_effects(equations, traced.graph)
            zx, zr = self._add_biases(zx, zr, weights)
            with StandIns(equations, cell.own_weights, weights[self.biases :]):
                # As in a layer of Keras's, which tells the layers inside whether this is a training.
                around = keras.layers.Lambda(
                    lambda zx: cell.step(zx, zr, list(states), self.training, **noise)[0], autocast=False
                )
                around(zx, training=self.training)

    def _zeros(self, batch=2):
        """Return what a step gets, zx, zr, states and noise, all zeros."""
        cell = self.cell
        states = tuple(tf.cast(state, cell.variable_dtype) for state in cell.get_initial_state(batch_size=batch))
        product = tf.zeros((batch, len(cell.gates) * cell.units), self.precision)
        (noise,) = self.noises(tf.constant([1, 2]) if self.noisy else None, 0, product[None])
        return product, product if cell.recurrent_product else None, states, noise

    def _run_on_zeros(self):
        cell, before, weights = self.cell, self._zeros(), self.weights()
        new, hidden, output = self.forward(*before, weights)
        d_own = tuple(tf.zeros_like(weight) for weight in weights[self.biases :])
        self.backward(*before, weights, output, hidden, new, d_own)
        return {**dict(zip(cell.states, new, strict=True)), "output": tf.cast(output, cell.variable_dtype)}

    @property
    def compiled(self):
        """Whether XLA compiles the step; it cannot with everything that a user's `combine` may do."""
        return self._first._compiled

    @property
    def loop(self):
        """The compiled loop over all steps of a window."""
        return self._first._loop

    @property
    def same_gradient(self):
        """Whether `combine` uses zx and zr in their sum alone, so that they have one gradient.

        Known once `backward` has been traced, or `find_gradients` called.
        """
        return self._first._same_gradient

    @property
    def own_output(self):
        """Whether the output is another than the first state; known as `same_gradient` is."""
        return self._first._own_output

    @property
    def reads(self):
        """Of each state whether `run_backward` reads it; known once `find_gradients` has been called."""
        return self._first._reads

    def find_gradients(self, rows=2):
        """Let `same_gradient`, `own_output` and `reads` be known.

        Args:
            rows: Of the steps to come, for which what is traced here serves too.
        """
        first = self._first
        if first._reads is not None:
            return
        with tf.init_scope():
            (zx, zr, states, noise), weights = first._zeros(rows), tuple(first.weights())
            if zr is not None:
                zr = tf.cast(zr, compiled_product.type_of(*first.cell.recurrent_kernel.shape, first.precision))
            d_own = tuple(tf.zeros_like(weight) for weight in weights[first.biases :])
        arguments = zx, zr, states, noise, weights, tf.cast(states[0], zx.dtype), states[0], states, d_own
        specs = tf.nest.map_structure(lambda each: each if each is None else tf.TensorSpec.from_tensor(each), arguments)
        # Outside of the scope, in which no tape records.
        traced = first.traced_backward.get_concrete_function(*specs)
        before = 1 if zr is None else 2
        first._reads = [bool(each.consumers()) for each in traced.inputs[before : before + len(states)]]

    def weights(self):
        """Return the tensors of the biases and of the cell's own weights."""
        return [tf.convert_to_tensor(each) for each in (*self.cell.biases, *self.cell.own_weights)]

    def noises(self, seed, start, inputs):
        """Return what each step over inputs (T, B, ...) gets of noise: {"seed": ..., "noise": ...}, or {} for none.

        Args:
            seed: int32 (2,) of the window, or None.
            start: Number of the first step in the window.
        """
        steps, cell = inputs.shape[0], self.cell
        noises = [{} for _ in range(steps)]
        if seed is None:
            return noises
        if cell.takes_noise:
            drawn = cell.draw_noise(seed, start, steps, inputs.shape[1] or tf.shape(inputs)[1])
            noises = [{"noise": each} for each in drawn]
        if cell.takes_seed:
            seeds = tf.unstack(fold_in_each(seed, start, steps))
            noises = [{**noise, "seed": each} for noise, each in zip(noises, seeds, strict=True)]
        return noises

    def forward(self, zx, zr, states, noise, weights):
        """Make a step.

        Args:
            zx, zr: The products without biases, (B, G*H), in the precision; None for zr where there is none.
            states: Tuple of float32 (B, H).
            noise: One of what `noises` returned.
            weights: As `weights()` returned them.

        Returns:
            The new states, the first of them and the output in the precision.
        """
        states, hidden, output = self._first._forward(zx, zr, states, noise, weights)
        hidden = states[0] if hidden is None else hidden
        return states, hidden, hidden if output is None else output

    def backward(self, zx, zr, states, noise, weights, d_output, d_hidden, d_states, d_own):
        """Go back through a step.

        Args:
            zx, zr, states, noise, weights: As `forward` had them.
            d_output, d_hidden: Gradients of the output and of the first state's copy, (B, H), in the precision.
            d_states: Of the states, float32.
            d_own: Of the cell's own weights, so far.

        Returns:
            The gradients of zx and zr, in the precision, of the states before, and of the cell's own weights so far.
        """
        d_zx, d_zr, d_states, d_own = self._first._backward(
            zx, zr, states, noise, weights, d_output, d_hidden, d_states, d_own
        )
        return d_zx, d_zx if self.same_gradient else d_zr, d_states, d_own

    def _combine(self, zx, zr, states, own, noise):
        with StandIns(self.cell.unwrap().equations, self.cell.own_weights, own):
            return self.cell.step(zx, zr, list(states), training=self.training, **noise)

    def _add_biases(self, zx, zr, weights):
        products = [None if each is None else tf.cast(each, weights[0].dtype) for each in (zx, zr)]
        for index, bias in enumerate(weights[: self.biases]):
            products[index] += bias
        return products

    def run_forward(self, zx, zr, states, noise, weights):
        zx, zr = self._add_biases(zx, zr, weights)
        output, new = self._combine(zx, zr, states, weights[self.biases :], noise)
        # XLA copies what is returned twice.
        hidden = None if self.precision == new[0].dtype else rounded(new[0], self.precision)
        return tuple(new), hidden, None if output is new[0] else rounded(output, self.precision)

    def run_backward(self, zx, zr, states, noise, weights, d_output, d_hidden, d_states, d_own):
        zx, zr = self._add_biases(zx, zr, weights)
        own = tuple(weights[self.biases :])
        sources = {"zx": zx, "states": states, "own": own} | ({} if zr is None else {"zr": zr})
        with tf.GradientTape() as tape:
            tape.watch(sources)
            output, new = self._combine(zx, zr, states, own, noise)
        d_first = d_states[0] + tf.cast(d_hidden, d_states[0].dtype)
        targets, d_targets = list(new), [d_first, *d_states[1:]]
        if output is new[0]:
            d_targets[0] += tf.cast(d_output, d_first.dtype)
        else:
            targets.append(output)
            d_targets.append(tf.cast(d_output, d_first.dtype))
        found = tape.gradient(targets, sources, output_gradients=d_targets, unconnected_gradients="zero")
        d_zx, d_zr = found["zx"], found.get("zr")
        self._same_gradient, self._own_output = d_zx is d_zr, output is not new[0]
        d_own = tuple(total + each for total, each in zip(d_own, found["own"], strict=True))
        d_zr = None if zr is None or self._same_gradient else rounded(d_zr, self.precision)
        return rounded(d_zx, self.precision), d_zr, tuple(found["states"]), d_own


def _likeness(cell):
    """Return a text that is the same for cells whose `combine` does the same, or None where that cannot be known.

    A configuration says all of the package's own cells, where nothing in it is a user's.
    """
    modules = {type(cell).__module__}

    def simplify(value):
        if isinstance(value, dict):
            if "class_name" in value:
                modules.add(value.get("module"))
            other = ("build_config", "name") if "trainable" in value else ("build_config",)  # a layer has its own name
            return {key: simplify(each) for key, each in value.items() if key not in other}
        return [simplify(each) for each in value] if isinstance(value, list | tuple) else value

    config = simplify(keras.saving.serialize_keras_object(cell))
    own = all(str(module).partition(".")[0] in ("keras", __package__.partition(".")[0]) for module in modules)
    return json.dumps(config, sort_keys=True) if own else None
