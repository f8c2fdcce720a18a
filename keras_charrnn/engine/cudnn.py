"""cuDNN's kernels for a whole window of the cells that it knows, on a GPU. TensorFlow only.

Shapes in letters: T time, B batch, D inputs, H units, G gates.
"""

import tensorflow as tf

# Of each mode the places of the gates in the kernels, in the order in which cuDNN has them: its GRU begins with reset.
GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}


def has_gpu():
    """Whether TensorFlow may use a GPU of NVIDIA's."""
    return bool(tf.config.get_visible_devices("GPU")) and tf.test.is_built_with_cuda()


def pack(mode, kernel, recurrent_kernel, bias):
    """Return weights as cuDNN has them, flat: W of each gate, then U, each transposed, then both biases of each gate.

    Args:
        mode: A key of `GATES`.
        kernel, recurrent_kernel: (D, G*H) and (H, G*H).
        bias: (G*H,), which is added once, or (2, G*H), one with the inputs and one with the states.
    """
    count, order = len(GATES[mode]), GATES[mode]
    biases = bias if len(bias.shape) == 2 else tf.stack([tf.zeros_like(bias), bias])
    matrices = [tf.split(each, count, 1) for each in (kernel, recurrent_kernel)]
    vectors = [tf.split(each, count) for each in tf.unstack(biases)]
    parts = [tf.reshape(tf.transpose(each[gate]), [-1]) for each in matrices for gate in order]
    parts += [each[gate] for each in vectors for gate in order]
    return tf.concat(parts, 0)


def run(mode, inputs, states, kernel, recurrent_kernel, bias):
    """Run over a window with a gradient.

    Args:
        mode: A key of `GATES`.
        inputs: float32 (T, B, D).
        states: List of tensors (B, H): h, and c of an LSTM.
        kernel, recurrent_kernel, bias: As of `pack`.

    Returns:
        The outputs (T, B, H), and the new states.
    """
    steps, batch = tf.shape(inputs)[0], tf.shape(inputs)[1]
    outputs, h, c, *_ = tf.raw_ops.CudnnRNNV3(
        input=inputs,
        input_h=states[0][None],
        input_c=states[1][None] if mode == "lstm" else tf.zeros((), inputs.dtype),
        params=pack(mode, kernel, recurrent_kernel, bias),
        sequence_lengths=tf.fill([batch], steps),
        rnn_mode=mode,
        is_training=True,
        time_major=True,
    )
    return outputs, [h[0], c[0]] if mode == "lstm" else [h[0]]
