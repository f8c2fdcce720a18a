"""How a training keeps step with the other workers of its group."""

import hashlib

import keras

from keras_charrnn.errors import WorkerError


class Together(keras.callbacks.Callback):
    """Tells the other workers what this one knows, and takes in what they tell, at each step and between epochs.

    The group's clock, the chief's, goes on with each step and each validation. At the end of each epoch all compare
    a checksum of their weights. To stand before all callbacks that ask for the clock.

    Args:
        collective: The group's `Collective`.
        received: Called without arguments: the number of the signal that this worker has received, or None.
    """

    memory = ()

    def __init__(self, collective):
        super().__init__()
        self.collective, self.received = collective, lambda: None

    def prepare(self, model):
        model.workers = self.collective

    def on_train_begin(self, logs=None):
        self._compare("before the first step; does it begin from the same model?")  # and the clock goes from here

    def on_train_batch_begin(self, batch, logs=None):
        self.collective.signal = self.received() or 0
        self.collective.speak()

    def on_train_batch_end(self, batch, logs=None):
        self.collective.listen()

    def on_test_end(self, logs=None):
        self.collective.tell()

    def on_epoch_end(self, epoch, logs=None):
        self._compare(f"at the end of epoch {epoch + 1}: its machine computes something else; look at its hardware")
        # What ends a training for one, as a callback with a clock of its own, ends it for all.
        if self.collective.tell(float(self.model.stop_training)).max():
            self.model.stop_training = True

    def _compare(self, when):
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(weight.tobytes())
        found = self.collective.tell(*digest.digest()[:8])  # bytes, which are exact in float32
        for rank, other in enumerate(found):
            if (other != found[0]).any():
                raise WorkerError(f"worker {rank} has other weights than the chief {when}")

    def agreed(self):
        """Return the number of the signal that any worker has told of; None for none."""
        return self.collective.agreed or None

    def clock(self):
        """Return the seconds of the chief's clock, the same in all workers."""
        return self.collective.seconds

    def on_train_end(self, logs=None):
        self.model.workers = None
