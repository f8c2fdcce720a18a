"""Ctrl-C, the system's request to end and a closed terminal, between two steps."""

import keras

from keras_charrnn.common.signals import HeldSignals, ending


class Interruption(keras.callbacks.Callback):
    """Has a signal end a training only when the step is done and a checkpoint written; a second one, at once.

    The signals are its own between `with interruption:` and the end of the block. To stand after `Checkpointing`. In a
    thread other than the main one, where Python hands out no signals, it does nothing.

    Args:
        checkpointing: The `Checkpointing` to call.
        agreed: Returns the number of the signal on which all processes that train together end after this step, or
            None; for a training by one process None, and each signal of its own counts.
    """

    def __init__(self, checkpointing, agreed=None):
        super().__init__()
        self.checkpointing, self.agreed, self._signals = checkpointing, agreed, HeldSignals(*ending())

    def __enter__(self):
        self._signals.__enter__()
        return self

    def __exit__(self, *error):
        self._signals.__exit__(*error)

    def on_train_batch_end(self, batch, logs=None):
        self._look()

    def on_test_batch_end(self, batch, logs=None):
        self._look()

    def on_epoch_end(self, epoch, logs=None):
        self._look()

    def received(self):
        """The number of the signal that has come, or None."""
        return self._signals.received

    def _look(self):
        if self.agreed is not None:
            if (number := self.agreed()) is None:
                return
            self._signals.received = number
        if self._signals.received is not None:
            self.checkpointing.save()
            self._signals.check()
