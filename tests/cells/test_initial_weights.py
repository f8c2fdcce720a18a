"""What the weights of the built-in cells are before training."""

import keras
import numpy as np
import pytest

from keras_charrnn import cells
from tests.cells.test_equations import KERAS, make_cell


def built(name, units=4, width=3):
    cell = make_cell(name, units)
    cell.build((1, width))
    return cell


@pytest.mark.parametrize("name", KERAS)
def test_the_distributions_are_those_of_keras(name):
    theirs, ours = KERAS[name](64), built(name, 64, 32)
    theirs.build((1, 1, 32))
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose([mine.mean(), mine.std()], [other.mean(), other.std()], atol=0.02)
    recurrent = ours.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "by_gate"),
    [
        ("lstm", [0, 1, 0, 0]),
        ("peephole_lstm", [0, 1, 0, 0]),
        ("layer_norm_lstm", [0, 1, 0, 0]),
        ("rms_norm_lstm", [1, 0, 0]),
        ("slstm", [0, 1, 0, 0]),
        ("slstm_exponential", [0, 0, 0, 0]),
        ("ugrnn", [1, 0]),
        ("mgu", [0, 0]),
        ("indrnn", [0]),
        ("min_gru", [0, 0]),
        ("min_lstm", [1, 0, 0]),
        ("rg_lru", [0, 0, 0]),
    ],
)
def test_the_gates_begin_open_or_half_open(name, by_gate):
    np.testing.assert_array_equal(built(name).bias, np.repeat(by_gate, 4))


@pytest.mark.parametrize("name", ["multiplicative_lstm", "mogrifier_lstm"])
def test_the_lstm_within_begins_as_an_lstm(name):
    np.testing.assert_array_equal(built(name).lstm.bias, np.repeat([0, 1, 0, 0], 4))


def test_the_layers_of_the_rhn_begin_closed_and_with_kernels_of_their_own():
    cell = built("rhn")
    for bias in cell.biases:
        np.testing.assert_array_equal(bias, [-2.0] * 4 + [0.0] * 4)
    kernels = [kernel.numpy() for kernel in cell.recurrent_kernels]
    assert len(kernels) == 3
    assert not np.allclose(kernels[0], kernels[1]) and not np.allclose(kernels[1], kernels[2])
    for kernel in kernels:
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(4), atol=1e-5)


def test_the_rounds_of_the_mogrifier_have_kernels_of_their_own():
    cell = built("mogrifier_lstm")
    (one,), (two,), (three,), (four,), (five,) = cell.mogrifier_kernels
    assert [tuple(kernel.shape) for kernel in (one, two, three, four, five)] == [(4, 3), (3, 4)] * 2 + [(4, 3)]
    assert not np.allclose(one, three) and not np.allclose(three, five) and not np.allclose(two, four)


def test_gains_begin_at_one_and_shifts_at_zero():
    cell = built("layer_norm_lstm")
    for gain in (cell.input_gain, cell.recurrent_gain, cell.memory_gain):
        np.testing.assert_array_equal(gain, np.ones(gain.shape))
    np.testing.assert_array_equal(cell.memory_shift, np.zeros(4))


def test_the_units_of_the_indrnn_begin_with_memories_of_all_lengths():
    recurrent = built("indrnn", 2000).recurrent_kernel.numpy()
    assert recurrent.shape == (2000,) and recurrent.min() >= 0 and recurrent.max() <= 1
    np.testing.assert_allclose(np.histogram(recurrent, 4, (0, 1))[0] / 2000, 0.25, atol=0.05)


def test_the_decays_of_the_rg_lru_begin_evenly_between_their_bounds():
    decays = (1 / (1 + np.exp(-built("rg_lru", 2000).decay.numpy().astype("float64")))) ** 8
    assert decays.min() >= 0.9 and decays.max() <= 0.9991
    np.testing.assert_allclose(np.histogram(decays, 4, (0.9, 0.9991))[0] / 2000, 0.25, atol=0.05)


@pytest.mark.parametrize("cell", [cells.PeepholeLSTM(4), cells.MogrifierLSTM(4, rounds=0)])
def test_without_peepholes_or_rounds_it_is_an_lstm(cell, rng):
    lstm = cells.LSTM(4)
    for each in (cell, lstm):
        each.build((2, 3))
    lstm.set_weights(cell.get_weights()[:3])
    x, states = rng.normal(size=(2, 3)).astype("float32"), list(rng.normal(size=(2, 2, 4)).astype("float32"))
    np.testing.assert_allclose(cell(x, states)[0], lstm(x, states)[0], atol=1e-6)


def test_a_fixed_seed_of_an_initializer_gives_the_same_cell():
    seeded = {"kernel_initializer": keras.initializers.GlorotUniform(seed=1)}
    one, two = (cells.MogrifierLSTM(4, **seeded) for _ in range(2))
    one.build((1, 3)), two.build((1, 3))
    np.testing.assert_array_equal(one.mogrifier_kernels[0][0], two.mogrifier_kernels[0][0])


@pytest.mark.parametrize(("tied", "spread"), [(False, 1.0), (True, 64**-0.5)])
def test_the_embedding_starts_wide_enough_to_be_seen_and_tied_small_enough_for_logits(make_model, tied, spread):
    model = make_model(text="".join(map(chr, range(32, 400))), units=64, embedding=64, tie_embedding=tied)
    table = model.embedding.embeddings.numpy()
    np.testing.assert_allclose([table.mean(), table.std()], [0, spread], atol=0.03 * spread)
    logits, _ = model.step(np.arange(8), model.initial_states(8))
    assert np.abs(logits).max() < 3  # a loss near that of a uniform guess at first
