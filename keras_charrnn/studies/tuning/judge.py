"""What ends a trial before its epochs are over."""

import math

import keras

from keras_charrnn.training.callbacks import TimeBudget


class Judge(keras.callbacks.Callback):
    """Reports the validation loss of each epoch to a search, and ends the training where that has better trials.

    Args:
        trial: Optuna's trial, or anything with `report(loss, epoch)` and `should_prune()`.
        tell: Called with where the training is, in words, as it goes on.

    Attributes:
        losses: Validation loss of each epoch, in nats per character.
        pruned: Whether the trial fell behind.
    """

    memory = ("losses",)

    def __init__(self, trial, tell):
        super().__init__()
        self.trial, self.tell = trial, tell
        self.losses, self.pruned, self._reported = [], False, 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self.report(self.losses)  # of a run that goes on

    def on_train_batch_end(self, batch, logs=None):
        share = min(1.0, (batch + 1) / self.params["steps"])
        self.tell(f"epoch {self._epoch + 1}/{self.params['epochs']}, {share:.0%}")

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["val_loss"]))
        self.report(self.losses)
        if self.pruned:
            self.model.stop_training = True

    def report(self, losses):
        """Report the losses of all epochs so far; those that have been reported count once."""
        for epoch in range(self._reported + 1, len(losses) + 1):
            self.trial.report(losses[epoch - 1], epoch)
            self.pruned, self._reported = self.trial.should_prune(), epoch


class Deadline(TimeBudget):
    """Ends a training so that its last validation ends at a moment, whatever came before this training.

    Args:
        end: The moment, on `TimeBudget.clock`, in seconds.
        validation: Seconds that a validation is known to take.

    Attributes:
        over: Whether it has ended the training.
    """

    memory = ()  # a trial that goes on has the time of the search that goes on

    def __init__(self, end, validation=0.0):
        super().__init__(math.inf, math.inf)
        self.end, self.validation, self.over = end, validation, False

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.seconds = self.end - self.clock()

    def _update(self):
        progress = super()._update()
        self.over = progress >= 1 and int(self.model.windows_done) < self.params["steps"] * self.params["epochs"]
        return progress
