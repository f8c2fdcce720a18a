"""cuDNN's kernels: how weights are packed for them, and when a layer takes them. They themselves need a GPU."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import keras_charrnn
from keras_charrnn.engine import cudnn
from keras_charrnn.layers.fused import describe_ways, reason_against

T, B, D, H = 5, 3, 4, 6


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cudnn_in_numpy(mode, inputs, states, params):
    """Do what cuDNN's documentation says of a mode, from the flat parameters: W_i, then R_i, then bW_i, then bR_i."""
    count = len(cudnn.GATES[mode])
    sizes = [H * D] * count + [H * H] * count + [H] * (2 * count)
    parts = np.split(params, np.cumsum(sizes)[:-1])
    assert sum(sizes) == len(params)
    w = [each.reshape(H, D) for each in parts[:count]]
    r = [each.reshape(H, H) for each in parts[count : 2 * count]]
    bw, br = parts[2 * count : 3 * count], parts[3 * count :]
    h, c, outputs = states[0], states[-1], []
    for x in inputs:
        if mode == "lstm":  # i, f, c', o
            i, f, g, o = (x @ w[n].T + h @ r[n].T + bw[n] + br[n] for n in range(4))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif mode == "gru":  # r, i, h'
            reset, update = (sigmoid(x @ w[n].T + h @ r[n].T + bw[n] + br[n]) for n in range(2))
            new = np.tanh(x @ w[2].T + reset * (h @ r[2].T + br[2]) + bw[2])
            h = (1 - update) * new + update * h
        else:
            h = x @ w[0].T + h @ r[0].T + bw[0] + br[0]
            h = np.tanh(h) if mode == "rnn_tanh" else np.maximum(h, 0)
        outputs.append(h)
    return np.stack(outputs), [h, c] if mode == "lstm" else [h]


CELLS = [("lstm", {}), ("gru", {}), ("simple_rnn", {}), ("simple_rnn", {"activation": "relu"})]


def layer_of(name, arguments, rng):
    layer = keras_charrnn.Recurrent(keras_charrnn.registry.cells.get(name)(H, **arguments))
    layer.build((B, T, D))
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return layer


@pytest.mark.parametrize(("name", "arguments"), CELLS)
def test_packed_weights_give_the_loops_outputs_by_cudnns_own_equations(name, arguments, rng):
    layer = layer_of(name, arguments, rng)
    cell = layer.cell
    inputs = rng.normal(size=(T, B, D)).astype(np.float32)
    states = [rng.normal(size=(B, H)).astype(np.float32) for _ in cell.states]
    params = cudnn.pack(cell.fused, cell.kernel.value, cell.recurrent_kernel.value, cell.bias.value).numpy()
    outputs, after = cudnn_in_numpy(cell.fused, inputs, states, params)
    ours, ours_after = layer.run(tf.constant(inputs), [tf.constant(each) for each in states])
    np.testing.assert_allclose(ours, outputs, atol=1e-5)
    for one, other in zip(ours_after, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_weights_are_packed_as_keras_packs_them(name, rng, monkeypatch):
    rnn = sys.modules["keras.src.backend.tensorflow.rnn"]  # whose name in its package is the function's
    cell, seen = layer_of(name, {}, rng).cell, {}

    def kernels(**arguments):
        seen.setdefault("calls", []).append(arguments)
        states = arguments["input_h"]
        return [tf.zeros((T, B, H)), states, states, None, None]

    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", kernels)
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: {"is_cuda_build": True, "is_rocm_build": False})
    inputs, states = tf.zeros((T, B, D)), [tf.zeros((B, H)) for _ in cell.states]
    weights = cell.kernel.value, cell.recurrent_kernel.value, cell.bias.value
    run = rnn._cudnn_lstm if name == "lstm" else rnn._cudnn_gru
    run(inputs, *states, *weights, None, True, False, True)
    outputs, after = cudnn.run(name, inputs, states, *weights)
    theirs, ours = seen["calls"]
    assert theirs.keys() == ours.keys()
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value, err_msg=key)
    assert outputs.shape == (T, B, H) and [each.shape for each in after] == [(B, H)] * len(states)


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(cudnn, "has_gpu", lambda: True)


class OwnLSTM(keras_charrnn.cells.LSTM):
    """Not what cuDNN has: a subclass may compute something else."""


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: keras_charrnn.cells.LSTM(H), ""),
        (lambda: keras_charrnn.cells.GRU(H), ""),
        (lambda: keras_charrnn.cells.SimpleRNN(H), ""),
        (lambda: keras_charrnn.cells.LSTM(H, activation="relu"), "or not with these activations"),
        (lambda: keras_charrnn.cells.GRU(H, recurrent_activation="hard_sigmoid"), "or not with these activations"),
        (lambda: keras_charrnn.cells.SimpleRNN(H, activation="elu"), "or not with these activations"),
        (lambda: OwnLSTM(H), "cuDNN has no cell"),
        (lambda: keras_charrnn.cells.UGRNN(H), "cuDNN has no cell"),
    ],
)
def test_cells_that_cudnn_has_take_its_kernels_and_others_say_why_not(make, reason, make_model):
    cell = make()
    cell.build((B, D))
    found = reason_against(cell)
    assert reason in found if reason else found == ""
    assert reason_against(cell, marks=True) and reason_against(cell, inside_xla=True)


def test_the_way_is_a_note_of_the_run(make_model, monkeypatch):
    assert "there is no GPU" in describe_ways(make_model(), False) or tf.config.list_physical_devices("GPU")
    monkeypatch.setattr(cudnn, "has_gpu", lambda: True)
    assert describe_ways(make_model(cell="lstm"), False) == "cuDNN's kernels run the lstm layers, a window at a time"
    assert describe_ways(make_model(cell="lstm"), True).endswith("cuDNN's kernels: rows start anew within a window")
    assert "in a loop that XLA compiles" in describe_ways(make_model(cell="rms_norm_lstm"), False)
    assert "in a loop that XLA compiles" in describe_ways(make_model(cell="lstm", zoneout={"h": 0.1}), False)


def cudnn_in_operations(input, input_h, input_c, params, rnn_mode, **_):
    """Do what the kernels of an LSTM do, with a gradient, on any device."""
    h, c, units = input_h[0], input_c[0], input_h.shape[-1]
    sizes = [units * input.shape[-1]] * 4 + [units * units] * 4 + [units] * 8
    parts = tf.split(params, sizes)
    w, r = ([tf.reshape(each, (units, -1)) for each in parts[start : start + 4]] for start in (0, 4))
    biases, outputs = [one + other for one, other in zip(parts[8:12], parts[12:], strict=True)], []
    for x in tf.unstack(input):
        i, f, g, o = (
            tf.matmul(x, w[n], transpose_b=True) + tf.matmul(h, r[n], transpose_b=True) + biases[n] for n in range(4)
        )
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    return tf.stack(outputs), h[None], c[None], None, None


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=pytest.mark.thorough)])
def test_a_training_by_the_kernels_is_that_by_the_loop(precision, tiny, tmp_path, monkeypatch):
    recipe = tiny | {"model": tiny["model"] | {"cell": "lstm"}, "compute": {"precision": precision, "replicas": 1}}
    recipe |= {"windows": tiny["windows"] | {"length": 3}, "training": tiny["training"] | {"epochs": 1}}  # made soon
    losses = []
    for has_kernels in (False, True):
        monkeypatch.setattr(cudnn, "has_gpu", lambda has_kernels=has_kernels: has_kernels)
        monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", cudnn_in_operations)
        run = keras_charrnn.fit(recipe, runs_dir=tmp_path / str(has_kernels))
        losses.append([row[name] for row in run.history for name in ("loss", "val_loss")])
    np.testing.assert_allclose(*losses, rtol=1e-5 if precision == "float32" else 1e-2)


def test_without_a_gpu_the_loop_runs(rng):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    assert reason_against(layer_of("lstm", {}, rng).cell) == "there is no GPU"


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="cuDNN's kernels need a GPU, and there is none")
@pytest.mark.parametrize(("name", "arguments"), CELLS)
def test_the_kernels_outputs_and_gradients_are_those_of_the_loop(name, arguments, rng, monkeypatch):
    layer = layer_of(name, arguments, rng)
    inputs = tf.constant(rng.normal(size=(T, B, D)).astype(np.float32))
    states = [tf.constant(rng.normal(size=(B, H)).astype(np.float32)) for _ in layer.cell.states]

    def outputs_and_gradients():
        with tf.GradientTape() as tape:
            tape.watch([inputs, *states])
            outputs, after = layer.run(inputs, states)
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(each)) for each in after)
        sources = [inputs, *states, *(weight.value for weight in layer.trainable_weights)]
        return [outputs, *after, *tape.gradient(loss, sources)]

    fused = outputs_and_gradients()
    monkeypatch.setattr(cudnn, "has_gpu", lambda: False)
    for one, other in zip(fused, outputs_and_gradients(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
