"""The loop over time of every `GatedCell`, and its gradient. TensorFlow only.

Three things make it fast on a CPU. The pointwise part of a step, `combine`, is one function compiled by XLA, while the
one product of a step stays with TensorFlow's own, faster product. The gradient is written once for all cells: going
backward, `combine` is run again under a tape from the stored states, and the gradient of U is one large product after
the loop instead of one small one a step. And the operands of the products may be bfloat16.

Shapes in letters: T time, B batch, H units, G gates.
"""

import keras
import tensorflow as tf

from keras_charrnn.layers import noise
from keras_charrnn.layers.products import product


def scan(cell, zx, states, training=False, seed=None, precision="float32"):
    """Run a cell over a window.

    Args:
        cell: A built `GatedCell`.
        zx: The input products x W + b, float32 (T, B, G*H), T and B known.
        states: List of the states before the first step, float32 (B, H) each.
        training: Passed to `combine`.
        seed: int32 (2,) from which each step's seed is made, or None for no noise.
        precision: Of the operands of h U: "float32" or "bfloat16".

    Returns:
        The outputs, float32 (T, B, H), and the list of states after the last step.
    """
    step = _Step(cell, training, precision)
    length = zx.shape[0]
    seeds = [noise.fold_in(seed, t) for t in range(length)] if step.noisy and seed is not None else [None] * length
    weights = [tf.convert_to_tensor(weight) for weight in step.weights]
    count = len(states)

    @tf.custom_gradient
    def run(zx, kernel, *states_and_weights):
        states, weights = states_and_weights[:count], states_and_weights[count:]
        compute_kernel = tf.cast(kernel, precision)
        initial, history, outputs, hidden = states, [], [], tf.cast(states[0], precision)
        for t, zx_t in enumerate(tf.unstack(zx)):
            zr = tf.matmul(hidden, compute_kernel)
            history.append((zx_t, zr, states, seeds[t]))
            output, states, hidden = step.forward(zx_t, zr, states, seeds[t], weights)
            outputs.append(output)

        def gradient(d_outputs, *d_states):
            d_zx, d_zr, d_weights = [], [], [tf.zeros_like(weight) for weight in weights]
            d_hidden = tf.zeros_like(hidden)
            for inputs, d_output in zip(reversed(history), reversed(tf.unstack(d_outputs)), strict=True):
                d_x, d_r, d_product, d_states, d_own = step.backward(*inputs, weights, d_output, d_hidden, d_states)
                d_hidden = tf.matmul(d_product, compute_kernel, transpose_b=True)
                d_zx.append(d_x)
                d_zr.append(d_r)
                d_weights = [a + b for a, b in zip(d_weights, d_own, strict=True)]
            d_zx = tf.stack(d_zx[::-1])
            d_zr = d_zx if step.same_gradient else tf.stack(d_zr[::-1])
            before = tf.stack([initial[0], *(inputs[2][0] for inputs in history[1:])])
            width = zx.shape[-1]
            d_kernel = product(
                tf.reshape(before, (-1, cell.units)), tf.reshape(d_zr, (-1, width)), precision, transpose_a=True
            )
            if step.has_bias:
                d_weights[0] = tf.reduce_sum(tf.reshape(d_zr, (-1, width)), 0)
            d_first = d_states[0] + tf.cast(d_hidden, tf.float32)
            return d_zx, d_kernel, d_first, *d_states[1:], *d_weights

        return (tf.stack(outputs), *states), gradient

    outputs, *states = run(zx, tf.convert_to_tensor(cell.recurrent_kernel), *states, *weights)
    return outputs, states


class _Step:
    """The pointwise part of a step and its gradient, compiled."""

    def __init__(self, cell, training, precision):
        self.cell, self.training, self.precision = cell, training, precision
        self.noisy = training and cell.noisy
        self.has_bias = cell.recurrent_bias
        self.variables = cell.own_weights
        self.weights = ([cell.bias[1]] if self.has_bias else []) + [weight.value for weight in self.variables]
        # Whether combine uses zx and zr in their sum alone, so that they have one gradient; known once it is traced.
        self.same_gradient = False
        self.forward = tf.function(self._forward, jit_compile=True, autograph=False)
        self.backward = tf.function(self._backward, jit_compile=True, autograph=False)

    def _combine(self, zx, zr, states, weights, seed):
        if self.has_bias:
            bias, *weights = weights
            zr = zr + bias
        # The cell's variables stand for the tensors: a compiled function may not read variables of another device.
        with keras.StatelessScope(state_mapping=list(zip(self.variables, weights, strict=True))):
            return self.cell.step(zx, zr, list(states), training=self.training, seed=seed)

    def _forward(self, zx, zr, states, seed, weights):
        output, states = self._combine(zx, tf.cast(zr, tf.float32), states, weights, seed)
        return output, tuple(states), tf.cast(states[0], self.precision)

    def _backward(self, zx, zr, states, seed, weights, d_output, d_hidden, d_states):
        zr = tf.cast(zr, tf.float32)
        own = weights[1:] if self.has_bias else weights  # the bias has the sum of the gradients of zr
        with tf.GradientTape() as tape:
            tape.watch((zx, zr, states, own))
            output, new = self._combine(zx, zr, states, weights, seed)
        d_first = d_states[0] + tf.cast(d_hidden, tf.float32)
        d_zx, d_zr, d_states, d_own = tape.gradient(
            (output, tuple(new)),
            (zx, zr, states, own),
            output_gradients=(d_output, (d_first, *d_states[1:])),
            unconnected_gradients="zero",
        )
        self.same_gradient = d_zx is d_zr
        d_own = ([tf.zeros_like(weights[0])] if self.has_bias else []) + list(d_own)
        return d_zx, d_zr, tf.cast(d_zr, self.precision), d_states, d_own
