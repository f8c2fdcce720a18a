"""What single built-in cells promise beyond their equations, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import Recurrent, cells
from keras_charrnn.errors import CellError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.SLSTM(3, forget_gate="tanh"), "forget_gate must be 'sigmoid' or 'exponential'; received 'tanh'"),
        (lambda: cells.IndRNN(3, recurrent_max=0), "recurrent_max must be above 0, or None for no bound; received 0"),
        (lambda: cells.MogrifierLSTM(3, rounds=-1), "rounds must be a whole number of 0 or more, received -1"),
        (lambda: cells.MogrifierLSTM(3, rank=0), "rank must be a whole number of 1 or more, received 0"),
        (lambda: cells.RHN(3, depth=0), "depth must be a whole number of 1 or more, received 0"),
        (lambda: cells.RHN(3, depth=True), "depth must be a whole number of 1 or more, received True"),
        (
            lambda: cells.RGLRU(3, decays=(0.9,)),
            r"decays must be two numbers .*; received \(0.9,\)",
        ),
        (lambda: cells.RGLRU(3, decays=(0.9, 0.8)), r"decays must be two numbers in order, .*; received \(0.9, 0.8\)"),
        (lambda: cells.RGLRU(3, decays=(0, 0.9)), "decays must be two numbers in order, above 0 and below 1"),
        (lambda: cells.RGLRU(3, decays=(0.9, 1)), "decays must be two numbers in order, above 0 and below 1"),
        (lambda: cells.RHN(3, bias_initializer={"carry": "ones"}), "names 'carry', but the gates are transform, can"),
    ],
)
def test_an_argument_out_of_its_range_is_named(make, message):
    with pytest.raises(CellError, match=message):
        make()


@pytest.mark.parametrize(
    "cell",
    [
        cells.LayerNormLSTM(3, epsilon=0.5),
        cells.SLSTM(3, forget_gate="exponential"),
        cells.IndRNN(3, recurrent_max=None),
        cells.MogrifierLSTM(3, rounds=2, rank=1),
        cells.RHN(3, depth=2, bias_initializer={"candidate": "ones"}),
        cells.MinGRU(3, activation="tanh"),
        cells.MinLSTM(3),
        cells.RGLRU(3, decays=(0.5, 0.6)),
        cells.PeepholeLSTM(3, peephole_initializer="ones"),
    ],
)
def test_arguments_of_their_own_survive_a_saved_model(cell, rng, tmp_path):
    inputs = keras.Input((5, 2))
    model = keras.Model(inputs, Recurrent(cell)(inputs))
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].cell.get_config() == cell.get_config()
    x = rng.normal(size=(2, 5, 2)).astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize(("recurrent_max", "wanted"), [(1.0, [1, 1, -1]), (0.5, [0.5, 0.5, -0.5]), (None, [9, 9, -9])])
def test_the_optimizer_keeps_the_recurrent_weights_of_the_indrnn_within_their_bound(recurrent_max, wanted):
    cell = cells.IndRNN(3, recurrent_max=recurrent_max, recurrent_initializer="zeros")
    cell.build((1, 2))
    pull = tf.constant([-9.0, -9.0, 9.0])
    keras.optimizers.SGD(1.0).apply([pull], [cell.recurrent_kernel])
    np.testing.assert_array_equal(cell.recurrent_kernel, wanted)


def slstm(forget_gate="sigmoid"):
    """Return a cell of one unit whose input is its four gates: input, forget, candidate, output."""
    cell = cells.SLSTM(1, forget_gate=forget_gate, bias_initializer="zeros")
    cell.build((1, 4))
    cell.set_weights([np.eye(4), np.zeros((1, 4)), np.zeros(4)])
    return Recurrent(cell, return_state=True)


@pytest.mark.parametrize("gate", [-1e3, -10.0, 0.0, 10.0, 1e3])
@pytest.mark.parametrize("forget_gate", ["sigmoid", "exponential"])
def test_the_first_step_of_the_slstm_is_the_candidate_whatever_the_input_gate(forget_gate, gate):
    outputs, _ = slstm(forget_gate)(np.array([[[gate, -gate, 0.7, 0.3]]], "float32"))
    np.testing.assert_allclose(outputs[0, 0, 0], np.tanh(0.7) / (1 + np.exp(-0.3)), rtol=1e-6)


@pytest.mark.parametrize("forget_gate", ["sigmoid", "exponential"])
def test_the_stabilised_slstm_equals_the_one_that_is_not(forget_gate, rng):
    x = rng.normal(0, 2, (1, 30, 4)).astype("float32")
    outputs, _ = slstm(forget_gate)(x)
    c = n = 0.0
    for output, (i, f, g, o) in zip(outputs[0, :, 0], x[0].astype("float64"), strict=True):
        f = 1 / (1 + np.exp(-f)) if forget_gate == "sigmoid" else np.exp(f)
        c, n = f * c + np.exp(i) * np.tanh(g), f * n + np.exp(i)
        np.testing.assert_allclose(output, c / n / (1 + np.exp(-o)), atol=1e-5)


@pytest.mark.thorough  # that large inputs leave it finite is in test_equations.py
@pytest.mark.parametrize("forget_gate", ["sigmoid", "exponential"])
def test_the_slstm_stays_within_one_for_any_gates_and_over_a_long_run(forget_gate, rng):
    scales = np.array([[1.0], [1e3]])  # of the rows
    x = tf.constant((scales * rng.normal(size=(500, 2, 4))).astype("float32"))
    layer = slstm(forget_gate)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs, (_, c, n, m) = layer.run(x, layer.initial_state(2))
    assert np.abs(outputs).max() <= 1 and np.isfinite(m).all()
    assert np.all(np.abs(c) <= n.numpy()) and np.all(n.numpy() >= 1)
    assert np.isfinite(tape.gradient(outputs, x)).all()
