"""A cell under examination: how to make it, and one of it in a layer, with weights, inputs and states to run it on.

Shapes in letters: B batch, T time, D width of the input, H units.
"""

import contextlib
import functools
import random

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn import registry
from keras_charrnn.errors import CellError
from keras_charrnn.layers import Recurrent
from keras_charrnn.layers.contract import make_loop, packer

BATCH, TIME, WIDTH = 3, 7, 5  # all different, so that no shape stands for another


class Subject:
    """A cell under examination.

    All numbers come from a fixed seed; the process's own random state stays as it is. The weights are those of the
    initializers with noise of deviation 0.1 added, so that none is exactly 0 or 1. The initial states are those that
    the cell reaches in a few steps from its own: not zero, and always of a kind that it can have.

    Args:
        cell: A class of cells, a registered name, or any function of the units that makes a cell, such as
            `functools.partial` of a class and further arguments.
        units: What the cell's constructor gets: H, of most cells.
        cell_arguments: Mapping of further arguments of the constructor.

    Attributes:
        arguments: The further arguments of the constructor, as far as they are known.
        layer: The layer with the cell.
        cell: The cell in it.
        label: The cell's name in messages.

    Raises:
        CellError: If `cell` is none of these, or what it makes is no cell.
        RegistryError: If no cell has that name.
    """

    def __init__(self, cell, units=4, cell_arguments=None):
        self._constructor = registry.cells.get(cell) if isinstance(cell, str) else cell
        self.units, self.arguments = units, {**getattr(cell, "keywords", {}), **(cell_arguments or {})}
        if (not callable(cell) and not isinstance(cell, str)) or isinstance(cell, keras.layers.Layer):
            raise CellError(
                "a cell to check is a class, a registered name, or a function of the units that makes a cell; "
                f"received {cell!r}"
            )
        self.rng = np.random.default_rng(0)
        with _seeded():
            self.layer = Recurrent(self.make(), return_state=True)
        self.cell = self.layer.cell
        self.label = registry.cells.name_of(type(self.cell)) or type(self.cell).__name__
        # Where there is a parallel form the layer takes it, and not the steps.
        self._loop = make_loop(self.cell) if self.parallel else None
        self._compiled = {}

    def make(self):
        """Return a new cell."""
        return self._constructor(self.units, **self.arguments)

    @property
    def parallel(self):
        """Whether the cell has a parallel form, `parallel(inputs, states)`."""
        return callable(getattr(self.cell, "parallel", None))

    def build(self):
        """Make the weights, `width`, that of the outputs, and `pack`, from a flat list of states to the cell's own.

        Raises:
            CellError: If the cell cannot make a step.
        """
        if not self.layer.built:
            with _seeded():
                self.layer.build((BATCH, TIME, WIDTH))
            self.pack, self.width = packer(self.cell), self.layer.width
            self.initial_weights = self.layer.get_weights()
            for weight in self.layer.trainable_weights:
                weight.assign(weight + self.draw(*weight.shape, scale=0.1))

    def draw(self, *shape, scale=1.0):
        """Return normally distributed numbers, float32."""
        return tf.constant(self.rng.normal(scale=scale, size=shape).astype("float32"))

    def draw_pulls(self, length):
        """Return factors for all that a window of T steps returns: the outputs and the states."""
        return [self.draw(BATCH, length, self.width), *(self.draw(*state.shape) for state in self.states)]

    @functools.cached_property
    def inputs(self):
        """Inputs (B, T, D)."""
        return self.draw(BATCH, TIME, WIDTH)

    @functools.cached_property
    def states(self):
        """States to begin with: a list of tensors (B, …), not zero."""
        return self.reach_states()

    def reach_states(self):
        """Return other states that the cell can have."""
        return self.step_through(self.draw(BATCH, 4, WIDTH), self.layer.initial_state(BATCH))[1:]

    def step_through(self, inputs, states):
        """Run the cell step by step, as it is, without the layer; return [outputs, *states]."""
        outputs = []
        for x in tf.unstack(inputs, axis=1):
            output, states = self.cell(x, self.pack(states))
            outputs.append(output)
            states = keras.tree.flatten(states)
        return [tf.stack(outputs, 1), *states]

    def run(self, inputs, states):
        """Run the steps in a compiled loop: the layer's, where it has one; return [outputs, *states]."""
        return self._run(self._steps, inputs, list(states))

    def run_parallel(self, inputs, states):
        """Run the cell's parallel form, compiled; return [outputs, *states]."""
        return self._run(self._parallel, inputs, list(states))

    @property
    def ways(self):
        """The ways in which the cell can be run: {name: function}."""
        return {"": self.run, **({" in its parallel form": self.run_parallel} if self.parallel else {})}

    def differentiate(self, inputs, states, pulls, parallel=False):
        """Run the steps or the parallel form, and go back.

        Returns:
            [outputs, *states]; the gradients of the sum of all of it times `pulls` by [inputs, *states, *weights],
            None where there is none.
        """
        run = self._differentiate_parallel if parallel else self._differentiate_steps
        return self._run(run, inputs, list(states), list(pulls))

    def _run(self, function, *arguments):
        key = (function.__name__, *arguments[0].shape)
        if key not in self._compiled:
            # Traced by hand, one function for each shape: a tf.function would warn of so many.
            specs = tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape, each.dtype), arguments)
            self._compiled[key] = tf.function(function, autograph=False).get_concrete_function(*specs)
        return self._compiled[key](*arguments)

    def _steps(self, inputs, states):
        if self._loop is not None:
            return keras.tree.flatten(self._loop(inputs, initial_state=self.pack(states)))
        return keras.tree.flatten(self.layer(inputs, initial_state=states))

    def _parallel(self, inputs, states):
        return keras.tree.flatten(self.cell.parallel(inputs, self.pack(states)))

    def _differentiate_steps(self, inputs, states, pulls):
        return self._differentiate(self._steps, inputs, states, pulls)

    def _differentiate_parallel(self, inputs, states, pulls):
        return self._differentiate(self._parallel, inputs, states, pulls)

    def _differentiate(self, run, inputs, states, pulls):
        sources = [inputs, *states, *(weight.value for weight in self.layer.trainable_weights)]
        with tf.GradientTape() as tape:
            tape.watch([inputs, *states])
            results = run(inputs, states)
            total = tf.add_n([tf.reduce_sum(each * pull) for each, pull in zip(results, pulls, strict=True)])
        return results, tape.gradient(total, sources)

    @contextlib.contextmanager
    def fresh_weights(self):
        """Have the weights that the initializers gave, for a while."""
        kept = self.layer.get_weights()
        self.layer.set_weights(self.initial_weights)
        try:
            yield
        finally:
            self.layer.set_weights(kept)


@contextlib.contextmanager
def _seeded():
    """Have Keras's initializers, which take their seeds from `random`, draw the same numbers each time."""
    kept = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(kept)
