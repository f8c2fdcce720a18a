"""How the tables of n-grams learn, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.model.row_updates import PERIOD, RATE
from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import GradientClipping
from tests.conftest import TEXT

RATES = 0.02  # the optimizer's


class ByHand:
    """The same on whole arrays."""

    def __init__(self, tables):
        self.tables = [np.array(table, "float64") for table in tables]
        self.squares = [np.zeros(len(table)) for table in tables]
        self.windows = 0

    def learn(self, gradients, rate, decay):
        for table, squares, gradient in zip(self.tables, self.squares, gradients, strict=True):
            gradient = np.asarray(gradient, "float64")
            squares += np.mean(gradient**2, axis=1)
            read = squares > 0
            table[read] -= RATE * rate * gradient[read] / np.sqrt(squares[read])[:, None]
            if self.windows % PERIOD == PERIOD - 1:
                table *= (1 - rate * decay) ** PERIOD
        self.windows += 1


def gradients_of(model, ids, targets):
    """Return the gradients of all weights, and of the tables as whole arrays, of the mean loss of a window."""
    with tf.GradientTape() as tape:
        tape.watch([table.value for table in model.tables])
        logits, _ = model.run(ids, model.initial_states(ids.shape[0]))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
    found = tape.gradient(loss, [[each.value for each in part] for part in (model.trainable_weights, model.tables)])
    return [[tf.convert_to_tensor(each).numpy() for each in part] for part in found]


@pytest.mark.parametrize("replicas", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_a_window_changes_the_rows_that_it_has_read_as_adagrad_does(make_model, rng, replicas):
    model = make_model(ngrams=3)
    model.replicas, model.carry_states = replicas, False
    start = [rng.normal(scale=0.3, size=table.shape).astype("float32") for table in model.tables]
    for table, value in zip(model.tables, start, strict=True):
        table.assign(value)
    model.compile(keras.optimizers.SGD(RATES))
    data = windows.training_windows(model.vocabulary.encode(TEXT[:200]), 4, 5)
    steps, hand, norms = list(data.dataset.take(3)), ByHand(start), []
    for ids, targets in steps:
        dense, tables = gradients_of(model, ids, targets)
        norm = np.sqrt(sum(np.sum(each**2) for each in (*dense, *tables)))
        norms.append(norm)
        hand.learn([each * min(1, 0.43 / norm) for each in tables], RATES, model.ngram_decay)
        one = tf.data.Dataset.from_tensors((ids, targets))
        log = model.fit(one, verbose=0, callbacks=[GradientClipping(norm=0.43)]).history
        np.testing.assert_allclose(log["gradient_norm"], [norm], rtol=1e-4)  # of the tables too, clipped together
        for table, wanted, before in zip(model.tables, hand.tables, start, strict=True):
            np.testing.assert_allclose(table.numpy(), wanted, atol=2e-5)
            same = np.all(table.numpy() == before, axis=1)
            assert 0.3 < np.mean(same) < 1
    assert min(norms) < 0.43 < max(norms)
    paths = {variable.path for variable in model.optimizer.variables}
    assert not any("pairs" in path or "triples" in path for path in paths)  # no momenta of so many rows


def test_all_rows_decay_every_so_many_windows_at_the_rate_of_the_time(make_model, rng):
    model = make_model(ngrams=2)
    start = rng.normal(size=model.tables[0].shape).astype("float32")
    model.tables[0].assign(start)
    model.ngram_decay = 3.0
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([20], [RATES, RATES / 2])
    model.compile(keras.optimizers.SGD(rates))
    data = windows.training_windows(np.zeros(4 * (5 * 40) + 4, "int32"), 4, 5)  # one character alone: one pair
    model.fit(data.dataset.take(2 * PERIOD - 1), verbose=0)
    never = start[-1]
    np.testing.assert_allclose(model.tables[0][-1], never * (1 - 3 * RATES) ** PERIOD, rtol=1e-5)
    model.fit(data.dataset.take(1), verbose=0)
    wanted = never * (1 - 3 * RATES) ** PERIOD * (1 - 1.5 * RATES) ** PERIOD
    np.testing.assert_allclose(model.tables[0][-1], wanted, rtol=1e-5)


def test_tables_learn_with_an_optimizer_that_was_built_before(make_model):
    model = make_model(ngrams=2)
    optimizer = keras.optimizers.SGD(RATES)
    optimizer.build(model.trainable_weights)
    model.compile(optimizer)
    model.fit(windows.training_windows(model.vocabulary.encode(TEXT[:100]), 4, 5), verbose=0)
    assert np.any(model.tables[0])


def test_tables_that_are_not_to_be_trained_stay_as_they_are(make_model):
    model = make_model(ngrams=2)
    model.ngrams.trainable = False
    model.compile(keras.optimizers.SGD(RATES))
    model.fit(windows.training_windows(model.vocabulary.encode(TEXT[:400]), 4, 5), verbose=0)
    assert not np.any(model.ngrams.tables[0])
    assert model.tables == [] and model.row_updates.variables == []
