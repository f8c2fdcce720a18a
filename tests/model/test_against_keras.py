"""A training of ours against one of Keras's own stateful layers, from the same weights on the same windows."""

import keras
import numpy as np
import pytest

from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import StateReset
from tests.conftest import TEXT
from tests.kinds import of_each_kind

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}
STEPS, B, T, H = 100, 8, 8, 12


def losses(model, data, **options):
    """Return the loss of each of 100 steps."""
    history = model.fit(data.dataset.repeat(), steps_per_epoch=1, epochs=STEPS, verbose=0, **options)
    return history.history["loss"]


@pytest.mark.parametrize("cell", of_each_kind(LAYERS, kinds=["gru"]))  # their cells are compared in test_equations.py
def test_a_hundred_steps_have_the_losses_of_keras(make_model, cell):
    ours = make_model(cell=cell, units=H, layers=2)
    data = windows.training_windows(ours.vocabulary.encode(TEXT), B, T)
    theirs = keras.Sequential(
        [
            keras.Input(batch_shape=(B, T), dtype="int32"),
            keras.layers.Embedding(len(ours.vocabulary), 6),
            *(LAYERS[cell](H, return_sequences=True, stateful=True) for _ in range(2)),
            keras.layers.Dense(len(ours.vocabulary)),
        ]
    )
    theirs.set_weights(ours.get_weights())
    # Stochastic gradient descent: Keras's Adam squares the rows of an embedding's gradient before it has summed those
    # of equal symbols, and any Adam makes whole steps of rounding errors where a gradient is zero.
    theirs.compile(keras.optimizers.SGD(0.3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ours.compile(keras.optimizers.SGD(0.3))
    mine = losses(ours, data, callbacks=[StateReset("never")])
    wanted = losses(theirs, data, shuffle=False)
    assert wanted[-1] < wanted[0] - 0.1
    np.testing.assert_allclose(mine, wanted, atol=1e-4)
