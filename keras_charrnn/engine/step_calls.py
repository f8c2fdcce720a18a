"""How the steps of a window are run: each by itself, or several in one call of compiled code. TensorFlow only.

`OneStepPerCall` and `SeveralStepsPerCall` do the same. Both take and return the steps of a group as lists, in the order
of time, and the states before each step as a tuple.

Shapes in letters: B batch, H units, G gates.
"""

import tensorflow as tf

from keras_charrnn.engine import compiled_product
from keras_charrnn.engine.products import rounded

# Steps that are compiled together. Where zx and zr are read in their sum alone, nothing of a step is ready before the
# step before it; of other cells there must be few, for XLA takes what is ready to other threads than its own.
MOST, FEW, LEAST = 10, 5, 3


def choose_calls(step, rows, restarts):
    """Return the faster way to run a cell's steps, `OneStepPerCall` or `SeveralStepsPerCall`.

    Args:
        step: The cell's `Step`.
        rows: B, or None where it is not known.
        restarts: Whether states return to the initial ones within the window.
    """
    cell = step.cell
    several = cell.recurrent_product and not restarts and step.compiled
    several = several and step.precision == compiled_product.PRECISION
    several = several and not tf.executing_eagerly()  # a tape records what is inside, which has no gradient of its own
    if not (several and compiled_product.is_usable(rows, *cell.recurrent_kernel.shape)):
        return OneStepPerCall
    step.find_gradients()  # now: a function with its own gradient, as the loop will be, may not read variables
    return SeveralStepsPerCall


class OneStepPerCall:
    """A call of compiled code for each step, and TensorFlow's product with U between them.

    Args:
        step: The cell's `Step`.
        kernel: U, float32 (H, G*H), or None for a cell without a recurrent product.
    """

    longest = 64  # window that is written out in the graph as a whole

    def __init__(self, step, kernel):
        self._step = step
        self._operands = None if kernel is None else _operands(kernel, step.precision)

    @staticmethod
    def groups(length):
        """Return the slices of a window that are run at once."""
        return [slice(t, t + 1) for t in range(length)]

    def forward(self, zxs, hidden, states, noises, weights):
        """Run a group of steps.

        Args:
            zxs: Input products, (B, G*H) each, in the precision.
            hidden: The first state in the precision, (B, H).
            states: The states before, float32.
            noises: As `Step.noises` returned them.
            weights: As `Step.weights` returned them.

        Returns:
            Of each step: the product with U, or None; the states after it; the first of them and the output in the
            precision.
        """
        zr = None if self._operands is None else tf.matmul(hidden, self._operands[0])
        states, hidden, output = self._step.forward(zxs[0], zr, states, noises[0], weights)
        return [zr], [states], [hidden], [output]

    def backward(self, zxs, zrs, befores, noises, weights, d_outputs, d_hidden, d_states, d_own):
        """Go back through a group.

        Args:
            zxs, zrs, noises, weights: As `forward` had or returned them.
            befores: The states before each step.
            d_outputs: Gradients of the outputs.
            d_hidden, d_states: Of what `forward` returned of the last step.
            d_own: Of the cell's own weights, so far.

        Returns:
            The gradients of zx and zr of each step, of `hidden` and the states before the first, and of the cell's own
            weights so far.
        """
        d_zx, d_zr, d_states, d_own = self._step.backward(
            zxs[0], zrs[0], befores[0], noises[0], weights, d_outputs[0], d_hidden, d_states, d_own
        )
        d_hidden = d_hidden if self._operands is None else tf.matmul(d_zr, self._operands[1])
        return [d_zx], [d_zr], d_hidden, d_states, d_own


class SeveralStepsPerCall:
    """A call of compiled code for some steps, with the products inside.

    States that `combine` does not read are None, but those after a group.
    """

    longest = 512

    def __init__(self, step, kernel):
        kind = compiled_product.choose(*kernel.shape)
        self._step, self._kernel, self._transposed = step, kind.pack(kernel), kind.pack_transposed(kernel)

    def groups(self, length):
        most = MOST if self._step.same_gradient else FEW
        size = next((size for size in range(most, LEAST - 1, -1) if length % size == 0), min(length, most))
        return [slice(t, min(t + size, length)) for t in range(0, length, size)]

    def forward(self, zxs, hidden, states, noises, weights):
        zrs, afters, hiddens, outputs = self._step.group.forward(zxs, hidden, states, noises, weights, self._kernel)
        return zrs, afters, hiddens, [b if a is None else a for a, b in zip(outputs, hiddens, strict=True)]

    def backward(self, zxs, zrs, befores, noises, weights, d_outputs, d_hidden, d_states, d_own):
        d_zxs, d_zrs, *before = self._step.group.backward(
            zxs, zrs, befores, noises, weights, d_outputs, d_hidden, d_states, d_own, self._transposed
        )
        return d_zxs, d_zxs if self._step.same_gradient else d_zrs, *before


class StepGroup:
    """The compiled functions of `SeveralStepsPerCall`, of all steps that are alike."""

    def __init__(self, step):
        self._step = step
        self.forward = tf.function(self._forward, jit_compile=True, autograph=False)
        self.backward = tf.function(self._backward, jit_compile=True, autograph=False)

    @property
    def _product(self):
        return compiled_product.choose(*self._step.cell.recurrent_kernel.shape).product

    def _forward(self, zxs, hidden, states, noises, weights, kernel):
        zrs, afters, hiddens, outputs = [], [], [], []
        for zx, noise in zip(zxs, noises, strict=True):
            zr = self._product(hidden, kernel, zx.shape[1])
            before = tuple(map(tf.identity, states))
            states, hidden, output = self._step.run_forward(zx, zr, before, noise, weights)
            if afters:
                afters[-1] = tuple(each if each.consumers() else None for each in before)
            zrs.append(zr)
            afters.append(states)
            hiddens.append(hidden)
            outputs.append(output)
        return zrs, afters, hiddens, outputs

    def _backward(self, zxs, zrs, befores, noises, weights, d_outputs, d_hidden, d_states, d_own, kernel):
        d_zxs, d_zrs = [], []
        for t in reversed(range(len(zxs))):
            zr = zrs[t]
            if d_zxs:
                # XLA would begin with what needs no gradient, of all steps at once, on other threads than its own; and
                # it would make the gradient of a state again, back from the last step, for each of its uses.
                one, read = _one_after(d_hidden, d_states[0].dtype), [each is not None for each in befores[t + 1]]
                zr = tf.where(one == 1, zr, tf.cast(one, zr.dtype))
                d_states = tuple(d / one if kept else d for d, kept in zip(d_states, read, strict=True))
            before = zip(befores[t], d_states, strict=True)
            before = tuple(tf.zeros_like(d) if state is None else state for state, d in before)
            d_zx, d_zr, d_states, d_own = self._step.run_backward(
                zxs[t], zr, before, noises[t], weights, d_outputs[t], d_hidden, d_states, d_own
            )
            d_zxs.append(d_zx)
            d_zrs.append(d_zr)
            d_hidden = self._product(d_zx if d_zr is None else d_zr, kernel, d_hidden.shape[1])
        return d_zxs[::-1], d_zrs[::-1], rounded(d_hidden, self._step.precision), d_states, d_own


def _one_after(tensor, dtype):
    """Return 1, or NaN where the first number of a tensor is, a scalar that XLA cannot know before the tensor."""
    first = tf.cast(tensor[0, 0], dtype)
    return tf.where(first == first, tf.ones((), dtype), first)


@tf.function(jit_compile=True, autograph=False)
def _operands(kernel, precision):
    """Return a kernel in the precision and its transpose.

    TensorFlow's float32 product is slow with an operand that it is to transpose; compiled, the transposition is out of
    the reach of the optimizer that would fold it into the product.
    """
    kernel = tf.cast(kernel, precision)
    return kernel, tf.transpose(kernel)
