"""What stands around the recurrent layers: the masks' statistics, gradients, steps, files, replicas."""

import functools
import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.engine.loss import mean_cross_entropy
from keras_charrnn.engine.noise import fold_in
from keras_charrnn.errors import CellError, SettingsError
from keras_charrnn.model import load_model
from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import StateReset
from tests.cells.test_wrappers import within_binomial_bounds
from tests.conftest import TEXT

SEED = tf.constant([5, 6])
ALL = {
    "cell": "lstm", "layers": 2, "units": 12, "embedding": 12, "dropout": 0.2, "embedding_dropout": 0.1,
    "output_dropout": 0.3, "variational": True, "recurrent_dropout": 0.2, "zoneout": {"h": 0.1, "c": 0.2},
    "weight_drop": 0.2, "normalization": "layer", "residual": True, "feed_forward": 16, "tie_embedding": True,
    "ngrams": 2,
}  # fmt: skip
thorough = pytest.mark.thorough
COMPOSED = [
    ALL,
    {"normalization": "rms", "layers": 2, "residual": True, "embedding": "one_hot"},
    {"feed_forward": 20, "normalization": "rms"},
    {"normalization": "layer"},
    {"residual": True, "layers": 2, "embedding": 12},
    {"tie_embedding": True, "embedding": 12},
    {"zoneout": 0.2, "recurrent_dropout": 0.3, "cell": "lstm"},
    {"ngrams": 3, "fresh_lines": True, "feed_forward": 20, "normalization": "rms"},
]
transparent_models = []  # kept, so that their layers, which are alike, are compiled once for all tests


def composed(*quick):
    """Return parameters of a test: all of `COMPOSED`, those at other places than the given ones as thorough."""
    return [each if place in quick else pytest.param(each, marks=thorough) for place, each in enumerate(COMPOSED)]


@pytest.fixture
def transparent(make_model):
    """Return a function that makes a model whose recurrent layers return their inputs, and whose embedding is ones."""

    def make(**settings):
        activation = {"cell": "simple_rnn", "cell_arguments": {"activation": "linear"}}
        model = make_model(units=24, embedding=24, **activation, **settings)
        model.embedding.embeddings.assign(np.ones(model.embedding.embeddings.shape))
        for layer in model.recurrent:
            layer.cell.kernel.assign(np.eye(24))
            layer.cell.recurrent_kernel.assign(np.zeros((24, 24)))
        transparent_models.append(model)
        return model

    return make


def hidden(model, seed=SEED, rows=10, length=20):
    """Return what comes to the head, (T, B, H)."""
    ids = tf.zeros((length, rows), tf.int32)
    out, _ = model.run_recurrent(ids, model.initial_states(rows), training=seed is not None, seed=seed)
    return out.numpy().reshape(length, rows, -1)


@pytest.mark.parametrize(
    ("key", "variational"),
    [
        ("embedding_dropout", True),
        ("dropout", False),
        pytest.param("embedding_dropout", False, marks=thorough),
        pytest.param("dropout", True, marks=thorough),
        pytest.param("output_dropout", False, marks=thorough),
        ("output_dropout", True),
    ],
)
def test_dropout_drops_its_share_at_its_place(transparent, key, variational):
    rate = 0.4
    settings = {"output_dropout": 0.0, key: rate, "variational": variational, "layers": 2}
    model = transparent(**settings)
    out = hidden(model)
    np.testing.assert_allclose(np.unique(out), [0, 1 / (1 - rate)], rtol=1e-5)
    dropped = out == 0
    assert within_binomial_bounds(dropped[0] if variational else dropped, rate)
    assert (dropped == dropped[0]).all() == variational
    differ = 2 * rate * (1 - rate)
    assert within_binomial_bounds(dropped[0, :-1] != dropped[0, 1:], differ)  # rows have masks of their own
    assert within_binomial_bounds(dropped[0] != (hidden(model, tf.constant([5, 7])) == 0)[0], differ)  # windows too
    np.testing.assert_array_equal(hidden(model), out)
    assert (hidden(model, None) == 1).all()


def test_ngrams_are_added_to_the_embedding_before_its_dropout(transparent):
    model = transparent(ngrams=3, embedding_dropout=0.4)
    for table in model.ngrams.tables:
        table.assign(np.ones(table.shape))
    assert (hidden(model, None) == 3).all()
    np.testing.assert_allclose(np.unique(hidden(model)), [0, 3 / 0.6], rtol=1e-5)


def test_dropout_comes_once_after_each_layer_and_the_output_has_its_own(transparent):
    same = hidden(transparent(dropout=0.5, layers=1))
    assert within_binomial_bounds(same == 0, 0.5)  # once, not twice
    two = hidden(transparent(dropout=0.2, output_dropout=0.5, layers=2))
    assert within_binomial_bounds(two == 0, 1 - 0.8 * 0.5)
    np.testing.assert_allclose(two.max(), 1 / (0.8 * 0.5), rtol=1e-5)


def test_a_residual_adds_the_inputs(transparent):
    assert (hidden(transparent(layers=2), None) == 1).all()
    assert (hidden(transparent(layers=3, residual=True), None) == 8).all()


def test_normalisation_is_kerass_own_before_each_part(make_model, rng):
    model = make_model(normalization="rms", feed_forward=7)
    ids = tf.constant(rng.integers(0, 9, (5, 3)), tf.int32)
    out, _ = model.run_recurrent(ids, model.initial_states(3))

    def rms(x):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)

    block = model.blocks[0]
    x = rms(model.embedding.embeddings.numpy()[ids.numpy()])
    y, _ = block.recurrent.run(tf.constant(x), model.initial_states(3)[0])
    inner, outer = block.feed_forward.inner, block.feed_forward.outer
    middle = rms(y.numpy()) @ inner.kernel.numpy() + inner.bias.numpy()
    gelu = middle * 0.5 * (1 + np.vectorize(math.erf)(middle / 2**0.5))
    wanted = rms(y.numpy() + gelu @ outer.kernel.numpy() + outer.bias.numpy())
    np.testing.assert_allclose(out.numpy().reshape(5, 3, -1), wanted, atol=1e-4)


@pytest.mark.parametrize("settings", composed(0, 1, 2))
def test_steps_equal_a_window_and_a_file_gives_the_same_model(make_model, rng, settings, tmp_path):
    model = make_model(**settings)
    for weight in model.trainable_weights:  # gains and biases too
        weight.assign(weight + rng.normal(size=weight.shape) * 0.3)
    ids, states = tf.constant(rng.integers(0, 9, (3, 4)), tf.int32), model.initial_states(3)
    logits, after = model.run(ids, states)
    table = model.table(len(model.vocabulary))
    for t in range(4):
        looked_up, _ = model.step(ids[:, t], states, table)
        stepped, states = model.step(ids[:, t], states)
        for found in (stepped, looked_up):
            np.testing.assert_allclose(found, logits[:, t], atol=1e-4)
    read = model.read(tf.transpose(ids), model.initial_states(3))
    for found in (states, read):
        tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), found, after)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.run(ids, loaded.initial_states(3))[0], logits)


@pytest.mark.parametrize("settings", composed(7))
def test_a_model_from_a_file_makes_the_text_and_has_the_score_of_its_steps(make_model, rng, settings, tmp_path):
    model = make_model(**settings)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(size=weight.shape) * 0.3)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    text = model.generate("the ", 20, seed=1)
    assert len(text) == 24 and loaded.generate("the ", 20, seed=1) == text
    # One step after the other, as it generates, the model gives the same probabilities.
    encoded, states, nats = model.vocabulary.encode("the\nfox"), model.initial_states(1), []
    for now, following in itertools.pairwise(encoded):
        out, states = model.step(tf.constant([now], tf.int32), states)
        nats.append(-float(tf.nn.log_softmax(out)[0, following]))
    np.testing.assert_allclose(loaded.score("the\nfox").nats, nats, atol=1e-4)
    made = [encoded[-1]]
    for _ in range(5):
        out, states = model.step(tf.constant([made[-1]], tf.int32), states)
        made.append(np.argmax(out))
    assert loaded.generate("the\nfox", 5, temperature=0) == "the\nfox" + model.vocabulary.decode(made[1:])


def loss_of(model, ids, targets, seed=SEED):
    """Return the loss of a training window (T, B)."""
    states = model.initial_states(ids.shape[1])
    out, _ = model.run_recurrent(ids, states, training=True, seed=seed)
    return mean_cross_entropy(out, *model.head_weights, tf.reshape(targets, (-1,)), model.precision)[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru", "zoneout": 0.1, "layers": 1},  # each part is there once
        pytest.param({"cell": "gru", "zoneout": 0.1}, marks=thorough),
        pytest.param({"cell": "layer_norm_lstm"}, marks=thorough),
        pytest.param(
            {"cell": "indrnn", "zoneout": 0.1, "recurrent_dropout": 0.0, "weight_drop": 0.0, "normalization": "rms"},
            marks=thorough,
        ),
    ],
)
def test_the_gradient_of_everything_together_is_that_of_finite_differences(float64, make_model, rng, settings):
    model = make_model(**{**ALL, **settings})
    model.precision = "float64"
    ids, targets = (tf.constant(rng.integers(0, 9, (3, 6)), tf.int32) for _ in range(2))
    compiled = tf.function(lambda: loss_of(model, ids, targets))
    weights = [weight.value for weight in model.trainable_weights]
    start = [weight.numpy() for weight in weights]
    with tf.GradientTape() as tape:
        loss = loss_of(model, ids, targets)
    gradients = [tf.convert_to_tensor(each).numpy() for each in tape.gradient(loss, weights)]
    for k, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
        direction = gradient / (np.linalg.norm(gradient) + 1e-12)
        ends = []
        for sign in (1, -1):
            weight.assign(start[k] + sign * 1e-5 * direction)
            ends.append(float(compiled()))
        weight.assign(start[k])
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-5, np.linalg.norm(gradient), rtol=1e-6, atol=1e-9)


@thorough  # test_char_rnn.py trains in replicas, and tests/training/test_resume.py repeats a run
@pytest.mark.parametrize("layers", [1, 2])
def test_each_replica_draws_for_its_own_rows_and_everything_together_trains_and_is_repeated_by_a_seed(
    make_model, layers
):
    model = make_model(**{**ALL, "layers": layers})
    model.compile(keras.optimizers.SGD(0.1))
    model.precision, model.replicas, model.seed = "bfloat16", 2, 9
    start, losses = model.get_weights(), []
    data = windows.training_windows(model.vocabulary.encode(TEXT[:1200]), 4, 4)
    history = model.fit(data.dataset.take(1), verbose=0, callbacks=[StateReset()])
    model.set_weights(start)
    ids, targets = next(iter(data.dataset))
    half = tf.function(functools.partial(loss_of, model), autograph=False)  # compiled, as in training
    halves = [
        half(tf.transpose(ids[rows]), tf.transpose(targets[rows]), fold_in(tf.constant([9, 0]), replica))
        for replica, rows in enumerate([slice(0, 2), slice(2, 4)])
    ]
    assert halves[0] != halves[1]
    np.testing.assert_allclose(history.history["loss"][0], np.mean(halves), rtol=1e-5)
    for _ in range(2):
        model.set_weights(start)
        for variable in (model.optimizer.iterations, *model.row_updates.variables):
            variable.assign(tf.zeros_like(variable))
        losses.append(model.fit(data, epochs=2, verbose=0, callbacks=[StateReset()]).history["loss"])
    assert losses[0] == losses[1] and losses[0][1] < losses[0][0]


def test_noise_is_anew_in_each_window_also_when_gradients_are_accumulated(make_model):
    model = make_model(dropout=0.5)
    model.compile(keras.optimizers.SGD(0.0, gradient_accumulation_steps=4))
    data = windows.training_windows(np.zeros(200, "int32"), 4, 3)
    history = model.fit(data.dataset.repeat(), steps_per_epoch=1, epochs=4, verbose=0, callbacks=[StateReset("window")])
    assert len(set(history.history["loss"])) == 4


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"embedding_dropout": 1.0}, SettingsError, "embedding_dropout must be at least 0 and below 1; received 1.0"),
        ({"output_dropout": -0.1}, SettingsError, "output_dropout must be at least 0"),
        ({"weight_drop": 2}, SettingsError, "weight_drop must be at least 0"),
        ({"normalization": "batch"}, SettingsError, "normalization must be none, layer, rms; received 'batch'"),
        ({"embedding": "one_hot", "embedding_dropout": 0.1}, SettingsError, "must be 0 with one-hot inputs"),
        ({"ngrams": 0}, SettingsError, "ngrams must be a whole number from 1 to 5; received 0"),
        ({"ngrams": 6}, SettingsError, "ngrams must be a whole number from 1 to 5; received 6"),
        ({"ngrams": True}, SettingsError, "ngrams must be a whole number from 1 to 5; received True"),
        ({"ngrams": 2, "embedding": "one_hot"}, SettingsError, "ngrams must be 1 with one-hot inputs.*; received 2"),
        ({"tie_embedding": True}, SettingsError, r"embedding must be as wide as units \(12\) to be tied; received 6"),
        ({"zoneout": 1.5}, CellError, "Zoneout: a rate must be"),
        ({"zoneout": {"c": 0.5}}, CellError, "the rate names 'c'"),
    ],
)
def test_what_does_not_fit_is_refused(make_model, settings, error, message):
    with pytest.raises(error, match=message):
        make_model(**settings)
