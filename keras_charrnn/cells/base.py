"""The two contracts of a recurrent cell: `GatedCell`, the one to write, and `RecurrentCell`, for whatever does not fit.

Shapes in letters: B batch, D width of the input, H units, G number of gates.
"""

import abc
import inspect
from collections.abc import Mapping

import keras
from keras import ops

from keras_charrnn.cells.initial import GateBias
from keras_charrnn.errors import CellError
from keras_charrnn.plugins import where_defined


def require_whole(cell, name, value, least):
    """Raise a `CellError` unless an argument of a cell's is a whole number of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise CellError(f"{type(cell).__name__}: {name} must be a whole number of {least} or more, received {value!r}")


class RecurrentCell(keras.layers.Layer):
    """One step of a recurrent network, in Keras's own cell contract.

    Derive from this class, or from any Keras cell, when the equations need more than one product a step or states of
    other shapes than (B, H); otherwise `GatedCell` is shorter and much faster. A subclass has

    - `call(inputs, states, training=False) -> (output, new_states)`, with inputs (B, D), a list of states and the
      output (B, H);
    - `state_size`, a list of the widths of the states (default: one state as wide as the units), or any structure that
      `keras.layers.RNN` takes;
    - `get_initial_state(batch_size)`, where the states do not start from zero;
    - `parallel(inputs, states) -> (outputs, new_states)`, where a whole window can be computed at once: inputs
      (B, T, D), the list of states before the first step, outputs (B, T, H) and the states after the last one. The
      layer then uses it in place of single steps. `LinearCell` has one, and `keras_charrnn.linear_recurrence` helps.

    Args:
        units: H, the width of the output.

    Raises:
        CellError: If `units` is not a positive whole number.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        require_whole(self, "units", units, 1)
        self.units, self.state_size, self.output_size = units, [units], units

    @abc.abstractmethod
    def call(self, inputs, states, training=False):
        raise NotImplementedError(f"{type(self).__name__} needs the method call(inputs, states, training)")

    def get_initial_state(self, batch_size=None):
        """Return the states before the first step: a list of float32 tensors (B, width), zeros unless overridden."""
        return [ops.zeros((batch_size, size), dtype="float32") for size in self.state_size]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class GatedCell(RecurrentCell):
    """A cell whose equations are pointwise but for the products with the kernels.

    The package does the products: `zx = x W + b` for a whole window at once and `zr = h U` at each step. The author
    writes the rest, and gets the fast loop, its gradient, reduced precision, saving and stepping from it:

        @keras_charrnn.register_cell("coupled_lstm")
        class CoupledLSTM(keras_charrnn.GatedCell):
            gates = ("forget", "output", "candidate")
            states = ("h", "c")

            def combine(self, zx, zr, states):
                f, o, g = ops.split(zx + zr, 3, axis=-1)
                f = ops.sigmoid(f)
                c = f * states["c"] + (1 - f) * ops.tanh(g)
                return {"h": ops.sigmoid(o) * ops.tanh(c), "c": c}

    Class attributes:
        gates: Names of the G gates, in the order in which `zx` and `zr`, both (B, G*H), hold them.
        states: Names of the states, each (B, H). The first feeds the recurrent product, and is the output unless
            `combine` returns another one as "output".
        recurrent_bias: Whether `zr` has a bias of its own. The bias is then (2, G*H): input, recurrent.
        recurrent_product: Whether there is a product `h U`. A cell without one has no `recurrent_kernel` but what its
            own `build` makes, and its `combine` gets None for `zr`.
        adds_bias: Whether the package adds b to `zx`. Where it does not, `combine` adds `self.bias` at its own place.
        fused: Name of cuDNN's kernels that do the same on a GPU, a key of `engine.cudnn.GATES`; None for none.

    `combine(self, zx, zr, states)` gets the states as a dictionary and returns the new ones so. It may also take
    `training` (a bool) and `seed` (int32 (2,), another one for each step, for `tf.random.stateless_*`): noise from this
    seed is the same when the gradient runs the step again, which noise from a generator is not. Much noise is faster
    drawn outside the compiled step: write `draw_noise`, and have `combine` take its result as `noise`.
    Further weights are made in `build` (after `super().build(input_shape)`) and used in `combine` as they are. A layer
    with a state of its own, as `Dropout` has, keeps nothing there and is refused.
    States that do not start from zero: override `get_initial_state`. What does not depend on them: write `prepare`.

    Args:
        units: H, the width of the output and of each state.
        kernel_initializer: Of W (D, G*H).
        recurrent_initializer: Of U (H, G*H).
        bias_initializer: Of b (G*H,): an initializer, or a mapping from names of gates to initializers, the other
            gates starting from zeros. With `recurrent_bias`, a mapping concerns the input bias.

    Raises:
        CellError: If `gates` or `states` are missing, a bias names a gate that does not exist, `recurrent_bias` has
            nothing to be added to, or `combine` returns other states or shapes than it was given.
    """

    gates = ()
    states = ("h",)
    recurrent_bias = False
    recurrent_product = True
    adds_bias = True
    fused = None

    def __init__(
        self,
        units,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        for attribute in ("gates", "states"):
            names = getattr(self, attribute)
            if isinstance(names, str) or not names or not all(isinstance(name, str) for name in names):
                raise CellError(
                    f"{type(self).__name__}.{attribute} must be a tuple of names, as in "
                    f'`{attribute} = ("forget", "candidate")`; received {names!r}'
                )
        if self.recurrent_bias and not (self.recurrent_product and self.adds_bias):
            raise CellError(
                f"{type(self).__name__}: recurrent_bias = True needs recurrent_product = True and adds_bias = True"
            )
        self.state_size = [units] * len(self.states)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = GateBias(bias_initializer, self.gates, type(self).__name__)
        self._options = {"training", "seed", "noise"} & set(inspect.signature(self.combine).parameters)
        self._seed_generator = keras.random.SeedGenerator() if self.noisy else None  # for Keras's contract

    def build(self, input_shape):
        """Make W (D, G*H), U (H, G*H) where there is a product with it, and b (G*H,) or (2, G*H)."""
        width = len(self.gates) * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width), initializer=self.kernel_initializer, name="kernel"
        )
        if self.recurrent_product:
            self.recurrent_kernel = self.add_weight(
                shape=(self.units, width), initializer=self.recurrent_initializer, name="recurrent_kernel"
            )
        shape = (2, width) if self.recurrent_bias else (width,)
        self.bias = self.add_weight(shape=shape, initializer=self.bias_initializer, name="bias")
        self.built = True

    @property
    def noisy(self):
        """Whether `combine` takes a seed or noise."""
        return bool({"seed", "noise"} & self._options)

    @property
    def takes_seed(self):
        """Whether `combine` takes a seed."""
        return "seed" in self._options

    @property
    def takes_noise(self):
        """Whether `combine` takes what `draw_noise` returns."""
        return "noise" in self._options

    @property
    def knows_training(self):
        """Whether `combine` may do something else in training."""
        return bool(self._options)

    @property
    def equations(self):
        """The method with the author's equations."""
        return self.combine

    def unwrap(self):
        """Return the cell itself, or the one inside its wrappers."""
        return self

    @property
    def biases(self):
        """What is added to the products, each (G*H,): [b] to zx, [b, b'] to zx and zr, or nothing, []."""
        if not self.adds_bias:
            return []
        return [self.bias[0], self.bias[1]] if self.recurrent_bias else [self.bias]

    @property
    def own_weights(self):
        """The weights that only `combine` uses, frozen ones too: those that a subclass made in its `build`."""
        products = {id(self.kernel)}
        if self.recurrent_product:
            products.add(id(self.recurrent_kernel))
        if self.adds_bias:
            products.add(id(self.bias))
        return [weight for weight in self.weights if id(weight) not in products]

    @abc.abstractmethod
    def combine(self, zx, zr, states):
        raise NotImplementedError(
            f"{type(self).__name__} needs the method combine(zx, zr, states), which returns the new states by name"
        )

    def prepare(self, zx):
        """Return what stands for the input products x W (..., G*H) in all that follows, of the same shape.

        It gets those of a whole window, or one of each symbol, before b is added: it may mix the last axis alone.
        """
        return zx

    @property
    def prepares(self):
        """Whether the cell has a `prepare` of its own."""
        return type(self.unwrap()).prepare is not GatedCell.prepare

    def draw_noise(self, seed, start, steps, batch_size):
        """Draw what `combine` takes as `noise`, for several steps of a window at once.

        Args:
            seed: int32 (2,), of the window.
            start: Number of the first of these steps in the window: the whole window is 0, a part of a long one more.
            steps: Their number.
            batch_size: B.

        Returns:
            A list of what each step gets: tensors, or structures of them.
        """
        raise NotImplementedError(f"{type(self).__name__}.combine takes noise, so it needs the method draw_noise")

    def step(self, zx, zr, states, training=False, seed=None, noise=None):
        """Run `combine` on lists of states, and check what it returns.

        Args:
            zx, zr: The two products (B, G*H), or None for zr where there is none.
            states: List of tensors (B, H), in the order of the attribute `states`.
            training: Whether this is a training step.
            seed: int32 (2,), or None where no noise is wanted.
            noise: What `draw_noise` returned for this step, or None.

        Returns:
            The output (B, H) and the list of new states.

        Raises:
            CellError: If the result of `combine` does not fit.
        """
        options = {"training": training, "seed": seed, "noise": noise}
        given = dict(zip(self.states, states, strict=True))
        new = self.combine(zx, zr, given, **{name: options[name] for name in self._options})
        if fault := self._fault_of(new, states[0].shape):
            raise CellError(f"{type(self).__name__}.combine must return {fault} ({where_defined(self.combine)})")
        return new.get("output", new[self.states[0]]), [new[name] for name in self.states]

    def _fault_of(self, new, expected):
        """Return what `combine` should have returned and what came, or ""."""
        if not isinstance(new, Mapping):
            return f"a dictionary of the states by name; received {type(new).__name__}"
        if set(new) - {"output"} != set(self.states):
            return (
                f"the states {', '.join(map(repr, self.states))} (and 'output' where it is not the first state); "
                f"received {', '.join(map(repr, new)) or 'none'}"
            )
        for name, tensor in new.items():
            shape = getattr(tensor, "shape", None)
            if shape is None or tuple(shape) != tuple(expected):
                received = type(tensor).__name__ if shape is None else tuple(shape)
                return f"{name!r} in the shape {tuple(expected)} (batch, units); received {received}"
        return ""

    def call(self, inputs, states, training=False):
        """Make one step in Keras's contract: inputs (B, D) and a list of states -> output (B, H), new states."""
        zx = self.prepare(ops.matmul(inputs, self.kernel))
        zr = ops.matmul(states[0], self.recurrent_kernel) if self.recurrent_product else None
        if self.adds_bias:
            zx = zx + self.biases[0]
        if self.recurrent_bias:
            zr = zr + self.biases[1]
        seed = self._seed(training)
        drawn = self.takes_noise and seed is not None
        noise = self.draw_noise(seed, 0, 1, ops.shape(zx)[0])[0] if drawn else None
        return self.step(zx, zr, list(states), training=training, seed=seed, noise=noise)

    def _seed(self, training):
        if not (training and self.noisy):
            return None
        return ops.cast(self._seed_generator.next(), "int32")

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": self.bias_initializer.serialize(),
        }
