"""What is seen of a training within an epoch."""

import time

import keras

from keras_charrnn.runs.records import PART, WHOLE


class Looks(keras.callbacks.Callback):
    """Tells within an epoch, and at its end, how the training of a `CharRNN` goes.

    A look comes between two steps and changes nothing of the training. Its loss is of the same data each time, at the
    end of an epoch too. Callbacks hear its validation as they hear that of `fit`: `on_test_begin` and what follows.
    Without looks there are the metrics of training alone, every so many steps.

    Args:
        tell: Functions, each called with the number of the epoch, the share of it that is over, and the metrics of
            training since the last call, with the loss of a look as `val_loss`, or as `val_part_loss` where it is of a
            part of the validation data.
        choosing: Keras callbacks that choose by `val_loss` at the end of an epoch; after each look too, where there are
            any, by its loss. This callback alone is to call them.
        every_steps, every_minutes: From look to look, whichever comes first; 0 for none. With `steps_per_execution`
            above 1 in `compile`, looks come at the first step that Keras reports at or after the period's end.
        part: The part of the validation data that a look reads; None for all of them.
        whole: The validation data of `fit`.
        period: Least steps between two calls without looks.
        average: The `AverageWeights`, whose average is looked at; None where there is none.

    Attributes:
        heard_by: The callbacks that hear the validation of a look.
    """

    memory = ("last", "sums", "stopped")

    def __init__(
        self,
        tell=(),
        choosing=(),
        every_steps=0,
        every_minutes=0,
        part=None,
        whole=None,
        period=10,
        average=None,
    ):
        super().__init__()
        self.tell, self.choosing, self.heard_by = list(tell), list(choosing), []
        self.every_steps, self.every_minutes, self.period = every_steps, every_minutes, period
        self.part, self.whole, self.average = part, whole, average
        self.clock = time.monotonic
        self.has_looks = bool(every_steps or every_minutes)
        # Windows at the last call, each metric's sum and count then, and whether a look has ended the training.
        self.last, self.sums, self.stopped = 0, {}, False

    def on_train_begin(self, logs=None):
        self._looked = self.clock()
        for each in self.choosing:
            each.set_params(self.params)
            each.set_model(self.model)
            each.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self.stopped:  # by a look, after which the training was interrupted
            self.model.stop_training = True

    def on_train_batch_begin(self, batch, logs=None):
        step, steps = int(self.model.windows_done), self.params["steps"]
        if not self._is_due(step, steps - batch):
            return
        self._tell(step, batch / steps, self._look() if self.has_looks else None)
        self.stopped = self.model.stop_training
        if self.average is not None:
            self.average.give_back()

    def on_epoch_end(self, epoch, logs=None):
        step = int(self.model.windows_done)
        if self.has_looks:
            self._tell(step, 1.0, logs["val_loss"] if self.part is None else self._look())
        else:
            if self.sums:  # else it would be what is told of the epoch
                self._tell(step, 1.0)
            self._choose(epoch, logs)
        self.last, self.sums, self.stopped = step, {}, False

    def _is_due(self, step, left):
        """Whether to look at the training at a step, so many before the end of the epoch."""
        if not self.has_looks:
            return step - self.last >= self.period <= left
        if step == self.last:
            return False
        periods = self.every_steps and step // self.every_steps > self.last // self.every_steps
        return periods or (self.every_minutes and self.clock() - self._looked >= 60 * self.every_minutes)

    def _look(self):
        """Return the validation loss."""
        heard_by = keras.callbacks.CallbackList(self.heard_by)
        data = self.whole if self.part is None else self.part
        return self.model.evaluate(data, verbose=0, callbacks=heard_by, return_dict=True)["loss"]

    def _tell(self, step, share, loss=None):
        found = self._means()
        if loss is not None:
            found[WHOLE if self.part is None else PART] = loss
        for each in self.tell:
            each(self._epoch, share, found)
        if loss is not None:
            self._choose(step, {WHOLE: loss})
        self.last, self._looked = step, self.clock()

    def _choose(self, number, logs):
        for each in self.choosing:
            each.on_epoch_end(number, logs)

    def _means(self):
        """Return the mean of each metric of training since the last call; the metrics go on to the end of the epoch."""
        means = {}
        for metric in self.model.training_metrics:
            total, count = float(metric.total), float(metric.count)
            total_before, count_before = self.sums.get(metric.name, (0.0, 0.0))
            means[metric.name] = (total - total_before) / (count - count_before)
            self.sums[metric.name] = [total, count]
        return means
