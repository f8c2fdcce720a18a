"""What `compile` and `fit` of a `CharRNN` do besides Keras's own.

Shapes in letters: B batch, T time.
"""

import keras

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.data import dataset_of, shape_of
from keras_charrnn.model.training_step import Means, TrainingStep
from keras_charrnn.text.windows import Windows


class Fitting(TrainingStep):
    """`compile` and `fit` of a `CharRNN`; a part of that class in a file of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.optimizer = None
        self._traced_for, self._skipped = None, 0

    def compile(self, optimizer="adam", **kwargs):
        """Like Keras's `compile`; the loss is the model's own, so there is none to give.

        The loop over time compiles its own parts, so that `jit_compile` stays off unless asked for.

        Raises:
            SettingsError: If a `loss` is given.
        """
        if "loss" in kwargs:
            raise SettingsError("a CharRNN has its own loss, nats per character: call compile without `loss`")
        super().compile(optimizer=optimizer, **{"jit_compile": False, **kwargs})
        self.train_function = None  # it may have been traced with another optimizer

    def fit(self, x, validation_data=None, callbacks=(), initial_step=0, **kwargs):
        """Like Keras's `fit`, on `Windows` or a data set of `(inputs, targets)` of one fixed shape (B, T).

        A callback with a method `prepare(model)` has it called before the training step is traced.

        Args:
            initial_step: Windows of the first epoch to pass over, without a call of the batch callbacks: those on which
                an earlier `fit` has trained. A multiple of `steps_per_execution`, or all windows of the epoch.

        Raises:
            SettingsError: If the windows have no fixed shape, or their rows do not divide among the replicas.
        """
        data, callbacks = dataset_of(x), list(callbacks)
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_weights)
        for callback in callbacks:
            if hasattr(callback, "prepare"):
                callback.prepare(self)
        if isinstance(x, Windows) and x.epoch is not None:  # the number of the epoch decides its random offset
            callbacks.insert(
                0, keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: x.epoch.assign(epoch))
            )
        self._prepare(data)
        self._skipped = initial_step
        if initial_step:
            callbacks = _SkippingCallbacks(
                callbacks,
                first=initial_step,
                add_history=True,
                add_progbar=kwargs.get("verbose", "auto") != 0,
                model=self,
                epochs=kwargs.get("epochs", 1),
                steps=data.cardinality().numpy(),
                verbose=kwargs.get("verbose", "auto"),
            )
        return super().fit(
            data, validation_data=dataset_of(validation_data), callbacks=callbacks, shuffle=False, **kwargs
        )

    def make_train_function(self, force=False):
        super().make_train_function(force)
        train = self.train_function

        def skip(iterator):
            number = min(self._skipped, self.steps_per_execution)
            for _ in range(number):
                next(iterator)
            self._skipped -= number
            if self._skipped == 0:
                self.train_function = train
            return self.get_metrics_result()

        if self._skipped:
            self.train_function = skip

    def _prepare(self, data):
        """Make all that the training step reads, before it is traced."""
        batch, _ = shape_of(data)
        if batch % self.replicas:
            raise SettingsError(
                f"windows.batch_size {batch} does not divide among compute.replicas {self.replicas}; "
                f"take a multiple of {self.replicas}, or fewer replicas"
            )
        for layer in self.recurrent:
            if not layer.states or layer.states[0].shape[0] != batch:
                layer.make_states(batch)
        traced_for = (
            batch,
            self.replicas,
            self.carry_states,
            self.gradient_clipping,
            self.watch,
            self.label_smoothing,
            self.seed,
            self.precision,
            getattr(self.optimizer, "ema_momentum", None),
        )
        if traced_for != self._traced_for:
            names = getattr(self.gradient_clipping, "names", ())
            self._clipping_means = Means({name: keras.metrics.Mean(name=name) for name in names})
            self._traced_for, self.train_function = traced_for, None


class _SkippingCallbacks(keras.callbacks.CallbackList):
    """Callbacks that hear nothing of the first batches."""

    def __init__(self, *args, first, **kwargs):
        super().__init__(*args, **kwargs)
        self._first, self._heard = first, True

    def on_train_batch_begin(self, batch, logs=None):
        self._heard = batch >= self._first
        if self._heard:
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        if self._heard:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._first = 0
        super().on_epoch_end(epoch, logs)
