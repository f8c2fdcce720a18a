"""How the steps of a window are run: each by itself, or all in one call of compiled code. TensorFlow only.

`StepByStep` and `WholeWindow` do the same.

Shapes in letters: T time, B batch, H units, G gates.
"""

import tensorflow as tf

from keras_charrnn.engine import compiled_product
from keras_charrnn.engine import restarts as restarting
from keras_charrnn.engine.loop import bits, numbers, stack_noise

PIECE = 8  # steps that are traced and optimized for all others; a call of so many costs hardly more than their own


def choose_calls(step, rows):
    """Return the faster way to run a cell's steps, `StepByStep` or `WholeWindow`.

    Args:
        step: The cell's `Step`.
        rows: B, or None where it is not known.
    """
    cell = step.cell
    whole = cell.recurrent_product and step.compiled
    whole = whole and not tf.executing_eagerly()  # a tape records what is inside, which has no gradient of its own
    if not (whole and compiled_product.is_usable(rows, *cell.recurrent_kernel.shape, step.precision)):
        return StepByStep
    step.find_gradients(rows)  # now: a function with its own gradient, as the loop will be, may not read variables
    return WholeWindow


class StepByStep:
    """A call of compiled code for each step, and TensorFlow's product with U between them.

    Args:
        step: The cell's `Step`.
        kernel: U, float32 (H, G*H), or None for a cell without a recurrent product.
        noises: As `Step.noises` returned them.
        restarts: As `Restarts.part` returned them, or None.
        weights: As `Step.weights` returned them.
    """

    longest = 64  # window that is written out in the graph as a whole

    def __init__(self, step, kernel, noises, restarts, weights):
        self._step, self._noises, self._weights = step, noises, weights
        self._operands = None if kernel is None else _operands(kernel, step.precision)
        self._marks = None if restarts is None else tf.unstack(restarts[0])
        self._initial = None if restarts is None else restarts[1]
        self._forward, self._backward = self._run_forward, self._run_backward
        if len(noises) > PIECE:
            # Traced and optimized once for all pieces of a window, as long as they stay functions of their own.
            how = {"autograph": False, "experimental_attributes": {"_noinline": True}}
            self._forward, self._backward = (tf.function(each, **how) for each in (self._forward, self._backward))

    def forward(self, zx, states):
        """Run over a window.

        Args:
            zx: Input products, (T, B, G*H), in the precision.
            states: The states before it, float32.

        Returns:
            What `backward` needs; the first state before each step, (T*B, H), and the outputs, (T, B, H), both in the
            precision; the states after the window.
        """
        zxs, states = tf.unstack(zx), tuple(states)
        zrs, befores, hiddens, outputs = [], [], [], []
        for piece in _pieces(len(zxs)):
            *found, states = self._forward(zxs[piece], states, *self._inputs(piece))
            for each, part in zip((zrs, befores, hiddens, outputs), found, strict=True):
                each.extend(part)
        return (zxs, zrs, befores), tf.concat(hiddens, 0), tf.stack(outputs), states

    def backward(self, memory, d_outputs, d_states, d_own):
        """Go back through a window.

        Args:
            memory: What `forward` returned for it.
            d_outputs, d_states: Gradients of the outputs and of the states after the window.
            d_own: Of the cell's own weights, so far.

        Returns:
            The gradients of zx and zr, (T*B, G*H), one tensor where they are the same; of the states before the window;
            and of the cell's own weights.
        """
        d_zxs, d_zrs, d_outputs, d_states = [], [], tf.unstack(d_outputs), tuple(d_states)
        d_hidden = tf.zeros_like(d_outputs[0])
        for piece in reversed(_pieces(len(d_outputs))):
            read = [each[piece] for each in (*memory, d_outputs)]
            d_zx, d_zr, d_hidden, d_states, d_own = self._backward(
                read, d_hidden, d_states, d_own, *self._inputs(piece)
            )
            d_zxs, d_zrs = d_zx + d_zxs, d_zr + d_zrs
        d_zx = tf.concat(d_zxs, 0)
        d_zr = d_zx if self._step.same_gradient or self._operands is None else tf.concat(d_zrs, 0)
        return d_zx, d_zr, (d_states[0] + tf.cast(d_hidden, d_states[0].dtype), *d_states[1:]), d_own

    def _inputs(self, piece):
        """Return what the steps of a piece read beside the sequences."""
        marks = None if self._marks is None else self._marks[piece]
        return self._noises[piece], marks, self._initial, self._weights, self._operands

    def _run_forward(self, zxs, states, noises, marks, initial, weights, operands):
        zrs, befores, hiddens, outputs = [], [], [], []
        hidden = tf.cast(states[0], zxs[0].dtype)
        for t, zx in enumerate(zxs):
            if marks is not None:
                states = restarting.restart(marks[t], initial, states)
                hidden = tf.cast(states[0], zx.dtype)
            befores.append(states)
            hiddens.append(hidden)
            zrs.append(None if operands is None else tf.matmul(hidden, operands[0]))
            states, hidden, output = self._step.forward(zx, zrs[t], states, noises[t], weights)
            outputs.append(output)
        return zrs, befores, hiddens, outputs, states

    def _run_backward(self, read, d_hidden, d_states, d_own, noises, marks, initial, weights, operands):
        d_zxs, d_zrs = [], []
        for t, (zx, zr, before, d_output) in reversed([*enumerate(zip(*read, strict=True))]):
            d_zx, d_zr, d_states, d_own = self._step.backward(
                zx, zr, before, noises[t], weights, d_output, d_hidden, d_states, d_own
            )
            if operands is not None:
                d_hidden = tf.matmul(d_zr, operands[1])
            if marks is not None:
                (d_hidden,), d_states = (restarting.gradient(marks[t], each) for each in ([d_hidden], d_states))
            d_zxs.append(d_zx)
            d_zrs.append(None if self._step.same_gradient else d_zr)  # then it is d_zx, to be returned once
        return d_zxs[::-1], d_zrs[::-1], d_hidden, tuple(d_states), d_own


class WholeWindow:
    """One call of compiled code for all steps, with the products inside; arguments and methods as of `StepByStep`."""

    longest = None  # any

    def __init__(self, step, kernel, noises, restarts, weights):
        kind = compiled_product.choose(*kernel.shape, step.precision)
        self._step, self._noise, self._restarts, self._weights = step, stack_noise(noises), restarts, weights
        self._kernel, self._transposed = kind.pack(kernel, step.precision), kind.pack_transposed(kernel, step.precision)

    def forward(self, zx, states):
        hidden, states = tf.cast(states[0], zx.dtype), tuple(states)
        # Outside of a training hardly anybody goes back, and what that needs is most of what a window writes.
        zr, befores, hiddens, outputs, after = self._run(bits(zx), hidden, states, self._step.training)
        memory = bits(zx), *((zr, befores) if self._step.training else (hidden, states))
        hiddens = numbers(hiddens)
        outputs = hiddens if outputs is None else numbers(outputs)
        hiddens = tf.concat([hidden[None], hiddens[:-1]], 0)
        if self._restarts is not None:
            marks, initial = self._restarts
            hiddens = tf.where(marks, tf.cast(initial[0], zx.dtype), hiddens)
        return memory, _rows(hiddens), outputs, after

    def _run(self, zx, hidden, states, keep):
        return self._step.loop.forward(
            zx, hidden, states, self._noise, self._restarts, self._weights, self._kernel, keep
        )

    def backward(self, memory, d_outputs, d_states, d_own):
        if not self._step.training:
            memory = memory[0], *self._run(*memory, keep=True)[:2]
        marks = None if self._restarts is None else self._restarts[0]
        how = self._noise, marks, self._weights, bits(d_outputs), tuple(d_states), d_own, self._transposed
        d_zx, d_zr, d_states, d_own = self._step.loop.backward(*memory, *how)
        d_zx = _rows(numbers(d_zx))
        return d_zx, d_zx if d_zr is None else _rows(numbers(d_zr)), d_states, d_own


def _rows(x):
    """Return (T, B, K) as (T*B, K)."""
    return tf.reshape(x, (-1, x.shape[-1]))


def _pieces(steps):
    """Return the slices of a window's steps that are run by one call each: of `PIECE` steps, the last of the rest."""
    return [slice(start, min(start + PIECE, steps)) for start in range(0, steps, PIECE)]


@tf.function(jit_compile=True, autograph=False)
def _operands(kernel, precision):
    """Return a kernel in the precision and its transpose.

    TensorFlow's float32 product is slow with an operand that it is to transpose; compiled, the transposition is out of
    the reach of the optimizer that would fold it into the product.
    """
    kernel = tf.cast(kernel, precision)
    return kernel, tf.transpose(kernel)
