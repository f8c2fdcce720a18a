"""Contender: Keras's own stateful layers under plain `fit`. CELL UNITS LAYERS BATCH LENGTH STEPS"""

import sys
import time

import contender
import keras
import numpy as np
import tensorflow as tf
from data import ids_and_vocabulary
from train_clock import STEPS_PER_EXECUTION, Clock

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}


class UsersLSTMCell(keras.layers.Layer):
    """A long short-term memory as a user of Keras would write it, for `keras.layers.RNN`."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, [units, units], units

    def build(self, input_shape):
        width = 4 * self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], width), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, width), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")

    def call(self, inputs, states):
        h, c = states
        z = keras.ops.matmul(inputs, self.kernel) + keras.ops.matmul(h, self.recurrent_kernel) + self.bias
        i, f, g, o = keras.ops.split(z, 4, axis=-1)
        c = keras.ops.sigmoid(f) * c + keras.ops.sigmoid(i) * keras.ops.tanh(g)
        h = keras.ops.sigmoid(o) * keras.ops.tanh(c)
        return h, [h, c]


def layer(cell, units):
    options = {"return_sequences": True, "stateful": True}
    return keras.layers.RNN(UsersLSTMCell(units), **options) if cell == "users_lstm" else LAYERS[cell](units, **options)


def main(cell, units, layers, batch, length, steps):
    ids, vocabulary = ids_and_vocabulary()
    count = (len(ids) - 1) // (batch * length)
    inputs, targets = (
        ids[k : count * batch * length + k].reshape(batch, count, length).transpose(1, 0, 2).astype("int32")
        for k in (0, 1)
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices((inputs, targets)).repeat().prefetch(2).with_options(options)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(batch, length), dtype="int32"),
            keras.layers.Embedding(len(vocabulary), 64),
            *(layer(cell, units) for _ in range(layers)),
            keras.layers.Dense(len(vocabulary)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(2e-3, global_clipnorm=5.0)
    model.compile(optimizer, loss, steps_per_execution=STEPS_PER_EXECUTION)
    clock, began = Clock(), time.perf_counter()
    steps = max(2, steps // STEPS_PER_EXECUTION) * STEPS_PER_EXECUTION
    history = model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[clock]).history
    seconds = float(np.median(np.diff(clock.ticks))) / STEPS_PER_EXECUTION
    contender.report(
        characters_per_second=batch * length / seconds,
        first_step=clock.ticks[0] - began,
        peak_megabytes=contender.megabytes(),
        loss=history["loss"][-1],
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:7]))
