"""Ctrl-C and the system's request to end, between two steps."""

import signal
import threading

import keras

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(keras.callbacks.Callback):
    """Has a signal end a training only when the step is done and a checkpoint written; a second one, at once.

    The signals are its own between `with interruption:` and the end of the block. To stand after `Checkpointing`. In a
    thread other than the main one, where Python hands out no signals, it does nothing.

    Args:
        checkpointing: The `Checkpointing` to call.
    """

    def __init__(self, checkpointing):
        super().__init__()
        self.checkpointing, self.received = checkpointing, None
        self._handlers = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._handlers = {each: signal.signal(each, self._receive) for each in SIGNALS}
        return self

    def __exit__(self, *_):
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        self._handlers = {}

    def on_train_batch_end(self, batch, logs=None):
        self._look()

    def on_test_batch_end(self, batch, logs=None):
        self._look()

    def on_epoch_end(self, epoch, logs=None):
        self._look()

    def _receive(self, number, frame):
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number

    def _look(self):
        if self.received is None:
            return
        self.checkpointing.save()
        if self.received == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt
