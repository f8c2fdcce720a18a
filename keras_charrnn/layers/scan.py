"""The loop over time of every `GatedCell`, and its gradient. TensorFlow only.

What makes it fast on a CPU:

- The pointwise part of a step, `combine`, is one function compiled by XLA. The one product of a step stays outside,
  with TensorFlow's own, faster product, and so does the input product, one for the whole window.
- The gradient is written once for all cells: going backward, `combine` is run again under a tape from the stored
  states. The gradients of W, U and b are one large product each after the loop, not a small one a step.
- What the products read and write is in their own precision, so that with bfloat16 all sequences are half as large and
  are never converted. Inside `combine` and in the states everything is float32.

Shapes in letters: T time, B batch, D width of the input, H units, G gates, V symbols.
"""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.errors import CellError, CharRNNError
from keras_charrnn.layers import noise

UNROLLED = 64  # most steps of a window that is written out in the graph as a whole
CHUNK = 32  # steps that are written out of a longer one, which runs them in a loop


class Rows:
    """The inputs of a window as rows of numbers: zx = x W.

    Args:
        x: (T, B, D), float32 or in `precision`.
        kernel: W, float32 (D, G*H).
        precision: Of the operands.
    """

    def __init__(self, x, kernel, precision):
        self.inputs, self.weights = x, (tf.convert_to_tensor(kernel),)
        self._precision = precision

    def product(self, x, kernel):
        """Return zx (T, B, G*H), and what `gradient` needs."""
        time, batch, width = x.shape[0], tf.shape(x)[1], x.shape[2]
        rows = tf.reshape(tf.cast(x, self._precision), (-1, width))
        kernel = tf.cast(kernel, self._precision)
        return tf.reshape(tf.matmul(rows, kernel), (time, batch, kernel.shape[1])), (rows, kernel, tf.shape(x))

    def gradient(self, memory, dz):
        """Return the gradients of x and W from that of zx, (T*B, G*H)."""
        rows, kernel, shape = memory
        d_x = tf.reshape(tf.matmul(dz, kernel, transpose_b=True), shape)
        return tf.cast(d_x, self.inputs.dtype), tf.cast(tf.matmul(rows, dz, transpose_a=True), tf.float32)


class Symbols:
    """The inputs of a window as symbols: zx is a look-up in a table of one input product for each.

    Args:
        ids: int32 (T, B).
        table: float32 (V, G*H).
        precision: Of zx.
    """

    def __init__(self, ids, table, precision):
        self.inputs, self.weights = ids, (tf.convert_to_tensor(table),)
        self._precision = precision

    def product(self, ids, table):
        """Return zx (T, B, G*H), and what `gradient` needs."""
        return tf.gather(tf.cast(table, self._precision), ids), (ids, table.shape[0])

    def gradient(self, memory, dz):
        """Return the gradient of the table from that of zx, (T*B, G*H): a product with one-hot rows."""
        ids, symbols = memory
        # Far faster than tf.one_hot.
        one_hot = tf.gather(tf.eye(symbols, dtype=dz.dtype), tf.reshape(ids, (-1,)))
        return None, tf.cast(tf.matmul(one_hot, dz, transpose_a=True), tf.float32)


def scan(step, source, states, seed=None):
    """Run a cell over a window.

    Args:
        step: The cell's `Step`.
        source: `Rows` or `Symbols`, T known.
        states: List of the states before the first step, float32 (B, H) each.
        seed: int32 (2,) from which each step's seed is made, or None for no noise.

    Returns:
        The outputs (T, B, H), in the step's precision, and the list of states after the last step, float32.
    """
    length, inputs = source.inputs.shape[0], source.inputs
    if not step.noisy:
        seed = None
    if length <= UNROLLED:
        return _scan_chunk(step, source, inputs, states, seed, 0)
    chunks = length // CHUNK
    whole = tf.reshape(inputs[: chunks * CHUNK], (chunks, CHUNK, *tf.unstack(tf.shape(inputs))[1:]))
    whole = tf.ensure_shape(whole, (chunks, CHUNK, *inputs.shape[1:]))
    # Arrays, whose elements are read and written in place, forward and backward; slices would be padded and added up.
    pieces = tf.TensorArray(inputs.dtype, chunks, element_shape=whole.shape[1:]).unstack(whole)
    shape = (CHUNK, inputs.shape[1], step.cell.units)
    outputs = tf.TensorArray(step.precision, chunks, element_shape=shape)

    def body(k, states, outputs):
        piece, states = _scan_chunk(step, source, pieces.read(k), states, seed, k * CHUNK)
        return k + 1, states, outputs.write(k, piece)

    _, states, outputs = tf.while_loop(
        lambda k, *_: k < chunks, body, (0, list(states), outputs), maximum_iterations=chunks
    )
    outputs = tf.reshape(outputs.stack(), (chunks * CHUNK, *tf.unstack(tf.shape(inputs))[1:2], step.cell.units))
    if length % CHUNK:
        rest, states = _scan_chunk(step, source, inputs[chunks * CHUNK :], states, seed, chunks * CHUNK)
        outputs = tf.concat([outputs, rest], 0)
    return tf.ensure_shape(outputs, (length, inputs.shape[1], step.cell.units)), list(states)


def _scan_chunk(step, source, inputs, states, seed, start):
    """Run over some steps, all written out in the graph; the first of them is step `start` of the window."""
    precision, cell = step.precision, step.cell
    count, given = len(states), len(source.weights)
    seeds = [None if seed is None else noise.fold_in(seed, start + t) for t in range(inputs.shape[0])]

    @tf.custom_gradient
    def run(inputs, kernel, *tensors):
        sources, initial, weights = tensors[:given], tensors[given : given + count], tensors[given + count :]
        kernel, transposed = _operands(kernel, precision)
        zx, memory = source.product(inputs, *sources)
        history, hiddens, outputs = [], [tf.cast(initial[0], precision)], []
        states = initial
        for zx_t, seed_t in zip(tf.unstack(zx), seeds, strict=True):
            zr = tf.matmul(hiddens[-1], kernel)
            history.append((zx_t, zr, states, seed_t))
            states, hidden, output = step.forward(*history[-1], weights)
            hiddens.append(hidden)
            outputs.append(output)

        def gradient(d_outputs, *d_states):
            d_zx, d_zr = [], []
            d_own = tuple(tf.zeros_like(weight) for weight in weights[step.biases :])
            d_hidden = tf.zeros_like(hiddens[0])
            for before, d_output in zip(reversed(history), reversed(tf.unstack(d_outputs)), strict=True):
                d_x, d_r, d_states, d_own = step.backward(*before, weights, d_output, d_hidden, d_states, d_own)
                d_hidden = tf.matmul(d_r, transposed)
                d_zx.append(d_x)
                d_zr.append(d_r)
            d_zx, d_zr = _rows(d_zx[::-1]), (None if step.same_gradient else _rows(d_zr[::-1]))
            d_zr = d_zx if d_zr is None else d_zr
            d_kernel = tf.cast(tf.matmul(_rows(hiddens[:-1]), d_zr, transpose_a=True), tf.float32)
            ones = tf.ones((1, tf.shape(d_zx)[0]), d_zx.dtype)
            d_biases = [tf.cast(tf.matmul(ones, each)[0], tf.float32) for each in (d_zx, d_zr)[: step.biases]]
            d_initial = (d_states[0] + tf.cast(d_hidden, tf.float32), *d_states[1:])
            d_inputs, *d_sources = source.gradient(memory, d_zx)
            return d_inputs, d_kernel, *d_sources, *d_initial, *d_biases, *d_own

        return (tf.stack(outputs), *states), gradient

    kernel = tf.convert_to_tensor(cell.recurrent_kernel)
    outputs, *states = run(inputs, kernel, *source.weights, *states, *step.weights())
    return outputs, states


@tf.function(jit_compile=True, autograph=False)
def _operands(kernel, precision):
    """Return a kernel in the precision and its transpose.

    TensorFlow's float32 product is slow with an operand that it is to transpose; compiled, the transposition is out of
    the reach of the optimizer that would fold it into the product.
    """
    kernel = tf.cast(kernel, precision)
    return kernel, tf.transpose(kernel)


def _rows(steps):
    """Return a list of T tensors (B, K) as one, (T*B, K)."""
    return tf.concat(steps, 0)


class Step:
    """The pointwise part of a cell's step and its gradient, compiled.

    Args:
        cell: A built `GatedCell`.
        training: Passed to `combine`.
        precision: Of the products: "float32" or "bfloat16".

    Attributes:
        noisy: Whether `combine` is to have a seed.
        biases: 1, or 2 where the recurrent product has one of its own.
        same_gradient: Whether `combine` uses zx and zr in their sum alone, so that they have one gradient. Known once
            `backward` has been traced.
    """

    def __init__(self, cell, training, precision):
        self.cell, self.training, self.precision = cell, training, precision
        self.noisy = training and cell.noisy
        self.biases = 2 if cell.recurrent_bias else 1
        self.same_gradient = False
        self._make_functions(jit_compile=True)
        if not type(cell).__module__.startswith("keras_charrnn."):  # those are tested
            self._try_out()

    def _make_functions(self, jit_compile):
        self._forward = tf.function(self._run_forward, jit_compile=jit_compile, autograph=False)
        self._backward = tf.function(self._run_backward, jit_compile=jit_compile, autograph=False)

    def _try_out(self):
        """Run a user's cell forward and backward on zeros, where an error still has a name and a place.

        Raises:
            CellError: If `combine` fails or returns NaN.
        """
        with tf.init_scope():  # now, and not as a part of the graph that is being made
            try:
                new = self._run_on_zeros()
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
                reason = str(error).strip().splitlines()[0]
                warnings.warn(
                    f"{self._name}.combine cannot be compiled by XLA and runs uncompiled, slower: {reason}",
                    stacklevel=2,
                )
                self._make_functions(jit_compile=False)
                new = self._run_on_zeros()
            for name, value in new.items():
                if not np.isfinite(value).all():
                    raise CellError(
                        f"{self._name}.combine returns NaN or infinity as {name!r} when all it gets is zeros"
                    )

    def _run_on_zeros(self):
        cell, batch = self.cell, 2
        states = tuple(tf.cast(state, tf.float32) for state in cell.get_initial_state(batch_size=batch))
        product = tf.zeros((batch, len(cell.gates) * cell.units), self.precision)
        seed = tf.constant([1, 2]) if self.noisy else None
        before, weights = (product, product, states, seed), self.weights()
        try:
            new, hidden, output = self.forward(*before, weights)
            d_own = tuple(tf.zeros_like(weight) for weight in weights[self.biases :])
            self.backward(*before, weights, output, hidden, new, d_own)
        except (CharRNNError, tf.errors.OpError):
            raise
        except Exception as error:  # combine is the user's, and may raise anything
            raise CellError(f"{self._name}.combine failed: {type(error).__name__}: {error}") from error
        return {**dict(zip(cell.states, new, strict=True)), "output": tf.cast(output, tf.float32)}

    @property
    def _name(self):
        return type(self.cell).__name__

    def weights(self):
        """Return the tensors of the biases and of the cell's own weights."""
        biases = tf.unstack(tf.convert_to_tensor(self.cell.bias)) if self.biases == 2 else [self.cell.bias]
        return [tf.convert_to_tensor(each) for each in (*biases, *self.cell.own_weights)]

    def forward(self, zx, zr, states, seed, weights):
        """Make a step.

        Args:
            zx, zr: The products without biases, (B, G*H), in the precision.
            states: Tuple of float32 (B, H).
            seed: int32 (2,) or None.
            weights: As `weights()` returned them.

        Returns:
            The new states, the first of them and the output in the precision.
        """
        states, hidden, output = self._forward(zx, zr, states, seed, weights)
        hidden = states[0] if hidden is None else hidden
        return states, hidden, hidden if output is None else output

    def backward(self, zx, zr, states, seed, weights, d_output, d_hidden, d_states, d_own):
        """Go back through a step.

        Args:
            zx, zr, states, seed, weights: As `forward` had them.
            d_output, d_hidden: Gradients of the output and of the first state's copy, (B, H), in the precision.
            d_states: Of the states, float32.
            d_own: Of the cell's own weights, so far.

        Returns:
            The gradients of zx and zr, in the precision, of the states before, and of the cell's own weights so far.
        """
        d_zx, d_zr, d_states, d_own = self._backward(zx, zr, states, seed, weights, d_output, d_hidden, d_states, d_own)
        return d_zx, d_zx if d_zr is None else d_zr, d_states, d_own

    def _combine(self, zx, zr, states, own, seed):
        # The cell's variables stand for the tensors: a compiled function may not read variables of another device.
        with keras.StatelessScope(state_mapping=list(zip(self.cell.own_weights, own, strict=True))):
            return self.cell.step(zx, zr, list(states), training=self.training, seed=seed)

    def _add_biases(self, zx, zr, weights):
        zx, zr = tf.cast(zx, tf.float32) + weights[0], tf.cast(zr, tf.float32)
        return zx, zr + weights[1] if self.biases == 2 else zr

    def _run_forward(self, zx, zr, states, seed, weights):
        zx, zr = self._add_biases(zx, zr, weights)
        output, new = self._combine(zx, zr, states, weights[self.biases :], seed)
        # XLA copies what is returned twice.
        hidden = None if self.precision == "float32" else tf.cast(new[0], self.precision)
        return tuple(new), hidden, None if output is new[0] else tf.cast(output, self.precision)

    def _run_backward(self, zx, zr, states, seed, weights, d_output, d_hidden, d_states, d_own):
        zx, zr = self._add_biases(zx, zr, weights)
        own = tuple(weights[self.biases :])
        with tf.GradientTape() as tape:
            tape.watch((zx, zr, states, own))
            output, new = self._combine(zx, zr, states, own, seed)
        d_first = d_states[0] + tf.cast(d_hidden, tf.float32)
        targets, d_targets = list(new), [d_first, *d_states[1:]]
        if output is new[0]:
            d_targets[0] += tf.cast(d_output, tf.float32)
        else:
            targets.append(output)
            d_targets.append(tf.cast(d_output, tf.float32))
        d_zx, d_zr, d_states, d_new_own = tape.gradient(
            targets, (zx, zr, states, own), output_gradients=d_targets, unconnected_gradients="zero"
        )
        self.same_gradient = d_zx is d_zr
        d_own = tuple(total + each for total, each in zip(d_own, d_new_own, strict=True))
        d_zr = None if self.same_gradient else tf.cast(d_zr, self.precision)
        return tf.cast(d_zx, self.precision), d_zr, tuple(d_states), d_own
