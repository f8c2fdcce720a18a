"""The fast loop and the stateful layer: pieces and the whole, precisions, shapes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import GatedCell, Recurrent
from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.symbols import Symbols
from keras_charrnn.registry import cells
from tests.kinds import KINDS, of_each_kind

B, D, H = 4, 3, 6
GATED = [name for name in cells.names() if issubclass(cells.get(name), GatedCell)]
LOOPS = (*KINDS, "indrnn")  # which has no product, but a loop
made = []  # kept, so that steps that are alike are compiled once for all tests


def of_each_loop(length, *more, names=None, loops=LOOPS):
    """Return parameters (name, length) of a test: the cells, those that are not in `loops` as thorough, and more."""
    names = cells.names() if names is None else names
    return [*((name, length) if name in loops else thorough(name, length) for name in names), *more]


def thorough(*values):
    return pytest.param(*values, marks=pytest.mark.thorough)


def run_and_gradients(layer, x, states, precision="float32"):
    """Return outputs, last states, and the gradients of x, the states and the weights."""
    watched = [x, *states]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        outputs, after = layer.run(x, states, precision=precision)
        assert outputs.dtype == precision and all(state.dtype == layer.cell.variable_dtype for state in after)
        outputs = tf.cast(outputs, layer.cell.variable_dtype)
        loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
    sources = [*watched, *(weight.value for weight in layer.trainable_weights)]
    return [outputs, *after, *tape.gradient(loss, sources)]


def steps_and_gradients(layer, x, states):
    """The same by Keras's contract, one step after the other, with TensorFlow's own gradient."""
    watched = [x, *states]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        outputs, after = [], states
        for t in range(x.shape[0]):
            output, after = layer.cell(x[t], after)
            outputs.append(output)
        outputs = tf.stack(outputs)
        loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
    sources = [*watched, *(weight.value for weight in layer.trainable_weights)]
    return [outputs, *after, *tape.gradient(loss, sources)]


def make(name, length, rng, dtype="float32", **arguments):
    layer = Recurrent(cells.get(name)(H, **arguments))
    layer.build((B, length, D))
    made.append(layer)
    before, x = (tf.constant(rng.normal(size=(steps, B, D)).astype(dtype)) for steps in (3, length))
    # States that the cell can reach, none of them zero.
    _, states = layer.run(before, layer.initial_state(B), precision=dtype)
    return layer, x, states


# Lengths around those at which a window runs in pieces, and a long one in chunks, which are the same for all cells.
@pytest.mark.parametrize(
    ("name", "length"),
    of_each_loop(
        7,
        *[("lstm", 1), ("gru", 64), ("gru", 65), ("indrnn", 128), ("rms_norm_lstm", 19)],
        *(thorough("gru", length) for length in (1, 50, 128, 150)),
        *(thorough("lstm", length) for length in (50, 64, 65, 128, 150)),
        *(thorough("indrnn", length) for length in (1, 50, 64, 65, 150)),
    ),
)
def test_outputs_and_gradients_equal_those_of_single_steps(name, length, rng):
    layer, x, states = make(name, length, rng)
    for fast, slow in zip(run_and_gradients(layer, x, states), steps_and_gradients(layer, x, states), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "length"),
    of_each_loop(
        7,
        *(("lstm", 70) if name == "lstm" else thorough(name, 70) for name in cells.names()),
        loops=["gru", "min_gru", "rhn"],
    ),
)
def test_in_float64_they_are_equal_to_its_rounding(name, length, rng, float64):
    layer, x, states = make(name, length, rng, "float64")
    for fast, slow in zip(
        run_and_gradients(layer, x, states, "float64"), steps_and_gradients(layer, x, states), strict=True
    ):
        assert fast.dtype == slow.dtype == "float64"
        # Of so long a window one last bit of its inputs moves the gradients by ten times more than is seen here.
        rounding = 1e-10 if name == "rms_norm_lstm" else 1e-12
        np.testing.assert_allclose(fast, slow, rtol=rounding, atol=rounding)


@pytest.mark.parametrize(
    ("name", "length"),
    of_each_loop(
        7,
        ("gru", 50),
        *(thorough(name, length) for name in ("lstm", "indrnn") for length in (1, 50)),
        thorough("gru", 1),
        loops=["simple_rnn", "gru", "peephole_lstm", "min_gru", "rhn"],
    ),
)
def test_bfloat16_is_near_float32(name, length, rng):
    smooth = {"activation": "tanh"} if name == "indrnn" else {}  # relu's gradient jumps where rounding changes a sign
    layer, x, states = make(name, length, rng, **smooth)
    for half, full in zip(
        run_and_gradients(layer, x, states, "bfloat16"), run_and_gradients(layer, x, states), strict=True
    ):
        # The normalisation of a row with small numbers makes its rounding larger.
        tolerance = {"layer_norm_lstm": 0.08, "rms_norm_lstm": 0.15}.get(name, 0.03)
        np.testing.assert_allclose(half, full, atol=tolerance * max(1, float(tf.reduce_max(tf.abs(full)))))


@pytest.mark.parametrize("name", of_each_kind(kinds=LOOPS))
@pytest.mark.parametrize("cuts", [(1, 12), pytest.param((10, 19), marks=pytest.mark.thorough)])
def test_pieces_with_a_carried_state_equal_one_pass(name, cuts, rng):
    layer, x, states = make(name, 20, rng)
    whole, last = layer.run(x, states)
    for cut in cuts:
        first, between = layer.run(x[:cut], states)
        second, after = layer.run(x[cut:], between)
        np.testing.assert_allclose(tf.concat([first, second], 0), whole, atol=1e-5)
        for one, other in zip(after, last, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "length"), of_each_loop(7, ("lstm", 1), ("lstm", 70), ("indrnn", 19), thorough("min_gru", 70), names=GATED)
)
def test_a_row_that_starts_anew_within_a_window_is_a_row_of_its_own(name, length, rng):
    """The gradients too: none flows from behind a mark to before it."""
    layer, x, states = make(name, length, rng)
    marks = rng.random((length, B)) < 0.3
    marks[0, 0] = marks[-1, 1] = True
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        outputs, after = layer.run(x, states, marks=tf.constant(marks))
        loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
    sources = [x, *states, *(weight.value for weight in layer.trainable_weights)]
    found = [outputs, *after, *tape.gradient(loss, sources)]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        rows, lasts = [], []
        for row in range(B):
            pieces, before = [], [state[row : row + 1] for state in states]
            for t in range(length):
                if marks[t, row]:
                    before = layer.initial_state(1)
                output, before = layer.cell(x[t, row : row + 1], before)
                pieces.append(output)
            rows.append(tf.stack(pieces))
            lasts.append(before)
        outputs, after = tf.concat(rows, 1), [tf.concat(each, 0) for each in zip(*lasts, strict=True)]
        loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.cos(2 * state)) for state in after)
    for fast, slow in zip(found, [outputs, *after, *tape.gradient(loss, sources)], strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-4)


def test_a_stateful_layer_goes_on_where_it_stopped_and_resets(rng):
    layer = Recurrent(cells.get("lstm")(H), stateful=True)
    x = rng.normal(size=(B, 20, D)).astype("float32")
    whole = Recurrent(layer.cell)(x)
    np.testing.assert_allclose(np.concatenate([layer(x[:, :8]), layer(x[:, 8:])], 1), whole, atol=1e-5)
    assert not np.allclose(layer(x), whole)
    layer.reset_state()
    np.testing.assert_allclose(layer(x), whole, atol=1e-5)
    assert all(state.dtype == "float32" for state in layer.states)
    assert len(layer.weights) == 3


def test_a_stateful_layer_refuses_another_number_of_rows(rng):
    layer = Recurrent(cells.get("gru")(H), stateful=True)
    layer(np.zeros((4, 2, D), "float32"))
    with pytest.raises(SettingsError, match="of 4 rows received 1; every batch must have the same number"):
        layer(np.zeros((1, 2, D), "float32"))


def test_a_stateful_layer_must_know_its_batch():
    inputs = keras.Input((5, D))
    with pytest.raises(SettingsError, match="must know its batch size"):
        Recurrent(cells.get("gru")(H), stateful=True)(inputs)


def test_the_layer_is_a_part_of_any_keras_model(rng, tmp_path):
    inputs = keras.Input((3, D))
    model = keras.Model(inputs, keras.layers.Dense(1)(Recurrent(cells.get("gru")(H))(inputs)))
    model.compile("adam", "mse")
    x = rng.normal(size=(8, 3, D)).astype("float32")
    losses = model.fit(x, x[..., :1], epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model(x), atol=1e-6)


@pytest.mark.parametrize("symbols", [4, 40])
def test_symbols_are_rows_of_their_one_hot_vectors(symbols, rng):
    """A window longer than the vocabulary takes the table of products, a shorter one the rows; both are the same."""
    layer, _, states = make("gru", 3, rng)
    ids = tf.constant(rng.integers(0, symbols, (3, B)), tf.int32)
    embedding = tf.Variable(rng.normal(size=(symbols, D)).astype("float32"))
    pull = rng.normal(size=(3, B, H)).astype("float32")
    results = []
    for read in (Symbols, lambda ids, embedding: tf.gather(embedding, ids)):
        with tf.GradientTape() as tape:
            outputs, _ = layer.run(read(ids, embedding), states)
            loss = tf.reduce_sum(outputs * pull)
        gradients = tape.gradient(loss, [embedding, *(weight.value for weight in layer.trainable_weights)])
        results.append([outputs, *map(tf.convert_to_tensor, gradients)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
