"""The stateful recurrent layer.

Shapes in letters: B batch, T time, D width of the input, H units, G gates, V symbols.
"""

import contextlib

import keras
from keras import ops

from keras_charrnn.cells import GatedCell, LinearCell
from keras_charrnn.common.keras_settings import require_float32
from keras_charrnn.engine import cudnn, noise
from keras_charrnn.engine.input_products import DenseInputs, ReadyInputs, SymbolInputs, products
from keras_charrnn.engine.preparation import Preparation
from keras_charrnn.engine.restarts import Restarts
from keras_charrnn.engine.scan import scan, scan_inside_xla
from keras_charrnn.engine.stand_ins import StandIn
from keras_charrnn.engine.step import Step
from keras_charrnn.errors import CellError, SettingsError
from keras_charrnn.layers.carrying import CarriesStates
from keras_charrnn.layers.contract import (
    has_recurrent_kernel,
    initial_states,
    make_loop,
    output_width,
    packer,
    require_cell,
    require_states,
)
from keras_charrnn.layers.fused import reason_against, run_fused
from keras_charrnn.layers.symbols import Symbols
from keras_charrnn.layers.unseen import Unseen


@keras.saving.register_keras_serializable(package="keras_charrnn")
class Recurrent(CarriesStates, keras.layers.Layer):
    """Runs a recurrent cell over time.

    A layer of any Keras model: inputs (B, T, D) -> outputs (B, T, H). With `stateful=True` the states after a call are
    those before the next one, row by row, until `reset_state()` brings back the cell's own initial states. The states
    are float32 variables in `states`, and no weights: a save leaves them out. Keras's wrappers of recurrent layers take
    it as they take Keras's own. With a mask of the steps to pass over, or where T is not known, Keras's own loop, which
    is slower, runs any cell. In training a call draws the cell's noise, another one each time.

    Args:
        cell: A `GatedCell`, which takes the fast loop; one with a method `parallel`, which takes a window at once (see
            `RecurrentCell`); or whatever else `keras.layers.RNN` takes, a list of cells among it.
        stateful: Whether the states go on from call to call. The batch size must then be known and stay the same.
        return_state: Whether a call returns the pair (outputs, list of states), the list in the cell's own structure.
        weight_drop: Share of the entries of the cell's weight `recurrent_kernel` that a training window does without,
            one mask for all its rows (of a replica, where there are several) and steps, the others divided by
            1 - weight_drop (S. Merity et al., Regularizing and optimizing LSTM language models, 2018).
        return_sequences, go_backwards, zero_output_for_mask: As of `keras.layers.RNN`, but that all outputs are
            returned unless `return_sequences` is false.

    Attributes:
        width: H, the width of the outputs; of a built layer.

    Raises:
        CellError: If `cell` is no Keras layer, has no `state_size`, or cannot make a step; or, with `weight_drop`, if
            it has no recurrent product with a weight `recurrent_kernel`.
        SettingsError: If a stateful layer is built without a batch size, or called with another one; or if Keras's
            dtype is of half precision.
    """

    def __init__(
        self,
        cell,
        stateful=False,
        return_state=False,
        weight_drop=0.0,
        return_sequences=True,
        go_backwards=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell = cell = require_cell(cell)
        for each in (self, cell):
            require_float32(each.dtype_policy)
        self.stateful, self.return_state, self.weight_drop = stateful, return_state, weight_drop
        self.return_sequences, self.go_backwards = return_sequences, go_backwards
        self.zero_output_for_mask, self.supports_masking = zero_output_for_mask, True
        self.input_spec = keras.layers.InputSpec(min_ndim=3)
        if getattr(cell, "fused", None) and cudnn.has_gpu():  # whose kernels XLA does not have
            self.supports_jit = False
        self._steps = Unseen()
        # Keras's own layer runs the cells that neither the fast loop nor their own parallel form can.
        self._loop = None
        if not (isinstance(cell, GatedCell) or hasattr(cell, "parallel")):
            self._loop = make_loop(cell, name="loop")

    def build(self, input_shape):
        if not self.cell.built:
            self.cell.build((input_shape[0], *input_shape[2:]))  # (B, D)
        if self.weight_drop and not has_recurrent_kernel(self.cell):
            raise CellError(
                "weight_drop needs a cell with a recurrent product, whose weight is recurrent_kernel; "
                f"{type(self.cell).__name__} has none"
            )
        if self._loop is not None:
            self._loop.build(tuple(input_shape))
        self._input_width, self._pack = input_shape[-1], packer(self.cell)
        is_ours = isinstance(self.cell, GatedCell)
        self.width = self.cell.units if is_ours else output_width(self.cell, input_shape[2:])
        if self.stateful:
            self.make_states(input_shape[0])
        self.built = True

    def initial_state(self, batch_size):
        """Return the cell's own states before the first step: a flat list of float32 tensors (B, width)."""
        states = keras.tree.flatten(initial_states(self.cell, batch_size))
        return [ops.cast(state, self.cell.variable_dtype) for state in states]

    def call(self, inputs, initial_state=None, training=False, mask=None):
        """Run over inputs (B, T, D) from states (B, width): those given, the layer's own, or the cell's.

        Args:
            inputs: (B, T, D).
            initial_state: The states in the cell's own structure, or as a flat list.
            training: Whether this is a training step.
            mask: bool (B, T), false at the steps that change no state and repeat the output before; None for none.
        """
        if initial_state is not None:
            states = require_states(self.cell, initial_state, self.name)
        elif self.stateful:
            if tuple(self.states[0].shape)[:1] != tuple(inputs.shape[:1]):
                raise SettingsError(
                    f"{self.name}: a stateful layer of {self.states[0].shape[0]} rows received {inputs.shape[0]}; "
                    "every batch must have the same number of rows (drop_remainder=True in tf.data)"
                )
            states = [variable.value for variable in self.states]
        else:
            states = self.initial_state(ops.shape(inputs)[0])
        if self.go_backwards:
            inputs, mask = ops.flip(inputs, 1), None if mask is None else ops.flip(mask, 1)
        seed = noise.new_seed() if training and (self.weight_drop or getattr(self.cell, "noisy", False)) else None
        if mask is None and inputs.shape[1] is not None:
            outputs, states = self.run(ops.swapaxes(inputs, 0, 1), states, training, seed)
            outputs = ops.swapaxes(outputs, 0, 1)
        else:
            loop = make_loop(self.cell, zero_output_for_mask=self.zero_output_for_mask)
            with self._dropped_weights(training, seed):
                outputs, *states = loop(inputs, self._pack(states), mask=mask, training=training)
            states = keras.tree.flatten(states)
        if self.stateful and initial_state is None:
            self.assign_states(states)
        outputs = outputs if self.return_sequences else outputs[:, -1]
        return (outputs, self._pack(states)) if self.return_state else outputs

    def compute_mask(self, inputs, previous_mask):
        return previous_mask if self.return_sequences else None

    def compute_output_shape(self, input_shape):
        """Return the shapes of what a call returns, as running it without numbers tells them."""
        outputs = keras.Operation.compute_output_spec(self, keras.KerasTensor(input_shape, self.compute_dtype))
        return keras.tree.map_structure(lambda each: each.shape, outputs)

    def run(self, inputs, states, training=False, seed=None, precision="float32", marks=None, inside_xla=False):
        """Run with explicit states over time-major inputs, as everything does that trains, reads or steps.

        Args:
            inputs: (T, B, D), float32 or in the precision; or `Symbols`, whose input products are a table, made once a
                window where that pays.
            states: List of tensors (B, width).
            training: Whether this is a training step.
            seed: int32 (2,) of the cell's noise; None for none.
            precision: Of the products' operands: one of `products.PRECISIONS`. A cell that is no `GatedCell` makes its
                products itself, in its own dtype.
            marks: bool (T, B), true at the steps before which a row returns to the initial states; None for none.
            inside_xla: Whether this is a part of code that XLA compiles as a whole, without noise and in the type of
                the weights. The steps are then not written out, which would take long to compile.

        Returns:
            The outputs (T, B, H), in the precision, and the list of new states, float32.

        Raises:
            CellError: If there are marks and the cell is no `GatedCell`.
        """
        if marks is not None:
            self.require_restarts()
        if not isinstance(self.cell, GatedCell):
            if isinstance(inputs, Symbols):
                inputs = inputs.rows(self._input_width)
            with self._dropped_weights(training, seed):
                outputs, states = self._run_other_cell(inputs, states, training)
            return ops.cast(outputs, precision), states
        steps = inputs.shape[0]
        if steps is None:
            raise SettingsError(f"{self.name}: the number of time steps must be known; give the model a fixed one")
        if not reason_against(self.cell, marks, inside_xla):
            with self._dropped_weights(training, seed):
                outputs, states = run_fused(self.cell, inputs, states, self._input_width)
            return ops.cast(outputs, precision), states
        at_once = isinstance(self.cell, LinearCell) and not (inside_xla and steps == 1)
        source = self._source(inputs, precision, self.cell.bias if at_once else None)
        restarts = None if marks is None else Restarts(marks, self.initial_state(ops.shape(marks)[1]))
        step = self._step(training, precision)
        if at_once:
            return self.cell.recur(products(source), states, restarts)
        if inside_xla:
            return scan_inside_xla(step, source, list(states), restarts)
        with self._dropped_weights(training, seed):
            return scan(step, source, list(states), seed, restarts)

    def _run_other_cell(self, inputs, states, training):
        """Run a cell that is no `GatedCell`: inputs (T, B, D) -> outputs (T, B, H), new states."""
        inputs, states = ops.cast(inputs, self.cell.variable_dtype), self._pack(states)
        if inputs.shape[0] == 1 and not training:  # a mask that a Keras cell keeps for a window is the loop's to drop
            output, states = self.cell(inputs[0], states)
            return output[None], keras.tree.flatten(states)
        batch_major = ops.swapaxes(inputs, 0, 1)
        if self._loop is None:
            outputs, states = self.cell.parallel(batch_major, states)
        else:
            outputs, *states = self._loop(batch_major, initial_state=states, training=training)
        return ops.swapaxes(outputs, 0, 1), keras.tree.flatten(states)

    def _source(self, inputs, precision, bias):
        """Return the source of the input products x W, or x W + b, prepared."""
        if isinstance(inputs, Symbols) and inputs.table is None and not inputs.few:
            inputs = inputs.rows(self._input_width)
        if not isinstance(inputs, Symbols):
            if not self.cell.prepares:
                return DenseInputs(inputs, self.cell.kernel, precision, bias)
            zx = self._prepare(products(DenseInputs(inputs, self.cell.kernel, precision)))
            return ReadyInputs(zx if bias is None else zx + ops.cast(bias, precision), self.cell.variable_dtype)
        table = self.table(inputs.embedding) if inputs.table is None else inputs.table
        return SymbolInputs(inputs.ids, table if bias is None else table + bias, precision)

    def table(self, embedding):
        """Return the input products of all symbols, prepared, (V, G*H); None if the cell is no `GatedCell`.

        Args:
            embedding: float32 (V, D), or None for one-hot inputs.
        """
        if not isinstance(self.cell, GatedCell):
            return None
        kernel = ops.convert_to_tensor(self.cell.kernel)
        return self._prepare(kernel if embedding is None else ops.matmul(embedding, kernel))

    def _prepare(self, zx):
        if not self.cell.prepares:
            return zx
        if "prepare" not in self._steps.made:
            self._steps.made["prepare"] = Preparation(self.cell)
        return self._steps.made["prepare"](zx)

    def require_restarts(self):
        """Raise a CellError if the cell cannot return to its initial states within a window."""
        if not isinstance(self.cell, GatedCell):
            raise CellError(
                f"{type(self.cell).__name__} is no GatedCell, and no other cell can start anew within a window: "
                "take a GatedCell, or states.reset epoch"
            )

    def _dropped_weights(self, training, seed):
        """Return a context in which a dropped copy stands for the recurrent kernel."""
        if not (training and self.weight_drop and seed is not None):
            return contextlib.nullcontext()
        kernel = self.cell.recurrent_kernel
        dropped = noise.dropout(ops.convert_to_tensor(kernel), self.weight_drop, noise.fold_in(seed, -3))
        return StandIn(kernel, dropped)

    def _step(self, training, precision):
        """Return the compiled step, one for all devices and passes of the same kind, tried out if it is a user's."""
        key = (bool(training), precision)
        if key not in self._steps.made:
            self._steps.made[key] = Step(self.cell, *key)
        self._steps.made[key].try_out()
        return self._steps.made[key]

    def get_config(self):
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "stateful": self.stateful,
            "return_state": self.return_state,
            "weight_drop": self.weight_drop,
            "return_sequences": self.return_sequences,
            "go_backwards": self.go_backwards,
            "zero_output_for_mask": self.zero_output_for_mask,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "cell": keras.saving.deserialize_keras_object(config["cell"])})
