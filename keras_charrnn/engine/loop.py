"""A window's loop over time as one call of compiled code, forward and backward. TensorFlow only.

Shapes in letters: T time, B batch, H units, G gates.
"""

import tensorflow as tf

from keras_charrnn.engine import compiled_product
from keras_charrnn.engine import restarts as restarting
from keras_charrnn.engine.compiled import compiled


class Loop:
    """The compiled loops of all steps that are alike, with the recurrent product inside.

    One step is traced and compiled, however many there are. Sequences in the precision come and go as their `bits`.

    Args:
        step: The cell's `Step`.
    """

    def __init__(self, step):
        self._step = step
        self.forward, self.backward = compiled(self._forward), compiled(self._backward)

    @property
    def _product(self):
        step = self._step
        return compiled_product.choose(*step.cell.recurrent_kernel.shape, step.precision).product

    def _forward(self, zx, hidden, states, noise, restarts, weights, kernel, keep):
        """Run over a window.

        Args:
            zx: Input products (T, B, G*H), in the precision.
            hidden: The first state before the window in the precision, (B, H).
            states: The states before it, float32.
            noise: As `stack_noise` returned it.
            restarts: The marks (T, B, 1) and the initial states; or None.
            weights: As `Step.weights` returned them.
            kernel: U, packed.
            keep: Whether to return what `_backward` needs, the first two of what follows.

        Returns:
            The products with U (T, B, G*H); the states before each step (T, B, H), None for those that a step does not
            read going back; the first state after each step, and the output where that is another, in the precision;
            the states after the window.
        """
        step, steps, columns = self._step, zx.shape[0], zx.shape[2]
        read = [index for index, each in enumerate(step.reads) if each and keep]

        def body(t, zx_t, hidden, states, zrs, befores, hiddens, outputs):
            if restarts is not None:
                mark, initial = restarts[0][t], restarts[1]
                states = restarting.restart(mark, initial, states)
                hidden = tf.where(mark, tf.cast(initial[0], hidden.dtype), hidden)
            zr = self._product(hidden, kernel, columns)
            befores = [array.write(t, states[index]) for array, index in zip(befores, read, strict=True)]
            states, hidden, output = step.run_forward(numbers(zx_t), zr, states, _at(noise, t), weights)
            hidden = states[0] if hidden is None else hidden
            zrs, outputs = ([array.write(t, bits(x)) for array in each] for each, x in ((zrs, zr), (outputs, output)))
            hiddens = hiddens.write(t, bits(hidden))
            # What the next step reads is taken out of the window here. Where its equations would do that, they would
            # look up the place anew for each number, which keeps them from the processor's vectors.
            return t + 1, zx[tf.minimum(t + 1, steps - 1)], hidden, states, zrs, befores, hiddens, outputs

        zr = self._product(hidden, kernel, columns)  # for its type; it is not computed
        zrs = [_array(steps, zr)] if keep else []
        befores = [_array(steps, states[index]) for index in read]
        outputs = [_array(steps, hidden)] if step.own_output else []
        first = 0, zx[0], hidden, states, zrs, befores, _array(steps, hidden), outputs
        *_, states, zrs, befores, hiddens, outputs = _repeat(steps, body, first)
        befores = dict(zip(read, befores, strict=True))
        befores = [befores[index].stack() if index in befores else None for index in range(len(states))]
        zr, output = (each[0].stack() if each else None for each in (zrs, outputs))
        return zr, befores, hiddens.stack(), output, states

    def _backward(self, zx, zr, befores, noise, marks, weights, d_outputs, d_states, d_own, kernel):
        """Go back through a window.

        Args:
            zx, zr, befores, noise, weights: As `_forward` had or returned them.
            marks: The first of its `restarts`, or None.
            d_outputs: Gradients of the outputs (T, B, H), in the precision.
            d_states: Of the states after the window, float32.
            d_own: Of the cell's own weights, so far.
            kernel: U transposed, packed.

        Returns:
            The gradients of zx and zr (T, B, G*H), None for the second where it is the first; of the states before the
            window; and of the cell's own weights.
        """
        step, steps, dtype = self._step, zx.shape[0], d_states[0].dtype

        def body(k, d_hidden, d_states, d_own, d_zxs, d_zrs):
            t = steps - 1 - k
            zx_t, zr_t, d_output = (numbers(each[t]) for each in (zx, zr, d_outputs))
            before = zip(befores, d_states, strict=True)
            before = tuple(tf.zeros_like(d) if each is None else each[t] for each, d in before)
            d_zx, d_zr, d_states, d_own = step.traced_backward(
                zx_t, zr_t, before, _at(noise, t), weights, d_output, d_hidden, d_states, d_own
            )
            d_hidden = tf.cast(self._product(d_zx if d_zr is None else d_zr, kernel, d_hidden.shape[1]), dtype)
            if marks is not None:
                (d_hidden,), d_states = (restarting.gradient(marks[t], each) for each in ([d_hidden], d_states))
            d_zrs = [array.write(t, bits(d_zr)) for array in d_zrs]
            return k + 1, d_hidden, d_states, d_own, d_zxs.write(t, bits(d_zx)), d_zrs

        d_zrs = [] if step.same_gradient else [_array(steps, zx[0])]
        first = 0, tf.zeros_like(d_states[0]), d_states, d_own, _array(steps, zx[0]), d_zrs
        _, d_hidden, d_states, d_own, d_zxs, d_zrs = _repeat(steps, body, first)
        d_zr = d_zrs[0].stack() if d_zrs else None
        return d_zxs.stack(), d_zr, (d_states[0] + d_hidden, *d_states[1:]), d_own


def stack_noise(noises):
    """Return the noise of all steps: what is another for each step in one tensor, and what is the same for all."""
    parts = list(zip(*map(tf.nest.flatten, noises), strict=True))
    alike = [all(each is part[0] for each in part) for part in parts]
    stacked = [None if same else tf.stack(part) for part, same in zip(parts, alike, strict=True)]
    same = [part[0] if same else None for part, same in zip(parts, alike, strict=True)]
    return tuple(tf.nest.pack_sequence_as(noises[0], each) for each in (stacked, same))


def _at(noise, t):
    """Return the noise of step t, as `Step.noises` returned it."""
    return tf.nest.map_structure(lambda stacked, same: same if stacked is None else stacked[t], *noise)


def _repeat(steps, body, first):
    return tf.while_loop(lambda k, *_: k < steps, body, first, maximum_iterations=steps)


def _array(steps, like):
    """Return an array for a tensor such as `like` of each step."""
    like = bits(like)
    return tf.TensorArray(like.dtype, steps, element_shape=like.shape)


def bits(x):
    """Return what goes into arrays in the place of a tensor, and comes out of them: of bfloat16 numbers their bits.

    To read or write a place in an array of such numbers, XLA makes float32 numbers of the whole array on a CPU.
    """
    return tf.bitcast(x, tf.uint16) if x.dtype == tf.bfloat16 else x


def numbers(x):
    """Return the tensor of which these are the `bits`."""
    return tf.bitcast(x, tf.bfloat16) if x.dtype == tf.uint16 else x
