"""The clock of the contenders that train with Keras."""

import time

import contender
import keras

STEPS_PER_EXECUTION = 10  # steps between two of its ticks


class Clock(keras.callbacks.Callback):
    """Notes the time of each call at the end of steps, and the memory at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.ticks, self.megabytes = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.ticks.append(time.perf_counter())

    def on_epoch_end(self, epoch, logs=None):
        self.megabytes.append(contender.megabytes(peak=False))
