"""Layers of a model that stay as they are for the first epochs."""

import keras


class Freezing(keras.callbacks.Callback):
    """Holds the weights that `CharRNN.held` names, and lets them learn from an epoch on.

    Args:
        epochs: Those for which they stay as they are; None for all.
    """

    def __init__(self, epochs=None):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.model.held.active.assign(float(self.epochs is None or epoch < self.epochs))

    def on_train_end(self, logs=None):
        self.model.held.active.assign(0.0)
