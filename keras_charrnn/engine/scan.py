"""The loop over time of every `GatedCell`, and its gradient. TensorFlow only.

What makes it fast on a CPU:

- The pointwise part of a step, `combine`, is compiled by XLA. The input product is one a window, outside. The one
  product of a step, where the cell has one, is inside wherever compiled code makes it as fast, so that all steps are
  one call of compiled code; else it stays outside too, between a call for each step: `step_calls`.
- The gradient is written once for all cells: going backward, `combine` is run again under a tape from the stored
  states. The gradients of W, U and b are one large product each after the loop, not a small one a step.
- What the products read and write is in their own precision, so that with bfloat16 all sequences are half as large and
  are never converted. Inside `combine` and in the states everything is in the type of the weights, float32.

Shapes in letters: T time, B batch, H units.
"""

import tensorflow as tf

from keras_charrnn.engine import restarts as restarting
from keras_charrnn.engine.input_products import sum_rows
from keras_charrnn.engine.products import backward_product
from keras_charrnn.engine.step_calls import choose_calls

CHUNK = 32  # steps that are written out of a window that is too long to be so as a whole


def scan(step, source, states, seed=None, restarts=None):
    """Run a cell over a window.

    Args:
        step: The cell's `Step`.
        source: `DenseInputs` or `SymbolInputs`, T known.
        states: List of the states before the first step, float32 (B, H) each.
        seed: int32 (2,) from which each step's seed and noise are made, or None for none.
        restarts: `Restarts`, or None where the states just go on.

    Returns:
        The outputs (T, B, H), in the step's precision, and the list of states after the last step, float32.
    """
    length, inputs = source.inputs.shape[0], source.inputs
    if not step.noisy:
        seed = None
    way = choose_calls(step, inputs.shape[1])
    if way.longest is None or length <= way.longest:
        return _scan_chunk(way, step, source, inputs, states, seed, 0, restarts)
    chunks = length // CHUNK
    whole = tf.reshape(inputs[: chunks * CHUNK], (chunks, CHUNK, *tf.unstack(tf.shape(inputs))[1:]))
    whole = tf.ensure_shape(whole, (chunks, CHUNK, *inputs.shape[1:]))
    # Arrays, whose elements are read and written in place, forward and backward; slices would be padded and added up.
    pieces = tf.TensorArray(inputs.dtype, chunks, element_shape=whole.shape[1:]).unstack(whole)
    shape = (CHUNK, inputs.shape[1], step.cell.units)
    outputs = tf.TensorArray(step.precision, chunks, element_shape=shape)

    def body(k, states, outputs):
        piece, states = _scan_chunk(way, step, source, pieces.read(k), states, seed, k * CHUNK, restarts)
        return k + 1, states, outputs.write(k, piece)

    _, states, outputs = tf.while_loop(
        lambda k, *_: k < chunks, body, (0, list(states), outputs), maximum_iterations=chunks
    )
    outputs = tf.reshape(outputs.stack(), (chunks * CHUNK, *tf.unstack(tf.shape(inputs))[1:2], step.cell.units))
    if length % CHUNK:
        done = chunks * CHUNK
        rest, states = _scan_chunk(way, step, source, inputs[done:], states, seed, done, restarts)
        outputs = tf.concat([outputs, rest], 0)
    return tf.ensure_shape(outputs, (length, inputs.shape[1], step.cell.units)), list(states)


def scan_inside_xla(step, source, states, restarts=None):
    """Run a cell over a window like `scan`, without noise, for code that XLA compiles as a whole.

    The steps are not written out, which would take long to compile, and there is no gradient of its own.

    Args:
        step, source, states, restarts: As `scan` has them, in the type of the weights.

    Returns:
        The outputs (T, B, H), and the list of states after the last step.
    """
    zx, _ = source.product(source.inputs, *source.weights)
    kernel = tf.convert_to_tensor(step.cell.recurrent_kernel) if step.cell.recurrent_product else None
    weights, length = step.weights(), zx.shape[0]

    def advance(t, states):
        if restarts is not None:
            states = restarting.restart(restarts.marks[t][:, None], restarts.initial, states)
        zr = None if kernel is None else tf.matmul(states[0], kernel)
        states, _, output = step.run_forward(zx[t], zr, tuple(states), {}, weights)
        return list(states), states[0] if output is None else output

    if length == 1:
        states, output = advance(0, states)
        return output[None], states
    outputs = tf.TensorArray(zx.dtype, length, element_shape=(zx.shape[1], step.cell.units))

    def body(t, states, outputs):
        states, output = advance(t, states)
        return t + 1, states, outputs.write(t, output)

    _, states, outputs = tf.while_loop(
        lambda t, *_: t < length, body, (0, list(states), outputs), maximum_iterations=length
    )
    return outputs.stack(), states


def _scan_chunk(way, step, source, inputs, states, seed, start, restarts):
    """Run over some steps in a way of `step_calls`; the first is step `start`."""
    cell = step.cell
    kernels = [tf.convert_to_tensor(cell.recurrent_kernel)] if cell.recurrent_product else []
    weights, parts = step.weights(), [len(source.weights), len(states), len(kernels)]
    noises = step.noises(seed, start, inputs)
    restarts = None if restarts is None else restarts.part(start, inputs.shape[0])

    @tf.custom_gradient
    def run(inputs, *tensors):
        sources, initial, kernels, weights = _split(tensors, parts)
        steps = way(step, kernels[0] if kernels else None, noises, restarts, weights)
        zx, memory = source.product(inputs, *sources)
        steps_memory, hidden, outputs, states = steps.forward(zx, initial)

        def gradient(d_outputs, *d_states):
            d_own = tuple(tf.zeros_like(weight) for weight in weights[step.biases :])
            d_zx, d_zr, d_initial, d_own = steps.backward(steps_memory, d_outputs, d_states, d_own)
            dtype = d_initial[0].dtype
            d_kernels = [tf.cast(backward_product(hidden, d_zr, transpose_x=True), dtype) for _ in kernels]
            d_inputs, *d_sources = source.gradient(memory, d_zx)
            d_biases = [source.sum_rows(d_zx, *d_sources)] if step.biases else []
            if step.biases == 2:
                d_biases.append(d_biases[0] if d_zr is d_zx else sum_rows(d_zr, dtype))
            return d_inputs, *d_sources, *d_initial, *d_kernels, *d_biases, *d_own

        return (outputs, *states), gradient

    outputs, *states = run(inputs, *source.weights, *states, *kernels, *weights)
    return outputs, states


def _split(tensors, sizes):
    """Return the first `sizes[0]` tensors, the next `sizes[1]` and so on, and the rest."""
    parts, start = [], 0
    for size in sizes:
        parts.append(tensors[start : start + size])
        start += size
    return *parts, tensors[start:]
