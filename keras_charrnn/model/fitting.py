"""What `compile` and `fit` of a `CharRNN` do besides Keras's own.

Shapes in letters: B batch, T time.
"""

import keras

from keras_charrnn.common.importing import uncollected
from keras_charrnn.engine.as_traced import as_traced
from keras_charrnn.engine.eagerly import eagerly
from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.unseen import Unseen
from keras_charrnn.model.data import dataset_of, ids_of, shape_of, split_rows, telling
from keras_charrnn.model.row_updates import RowUpdates
from keras_charrnn.model.training_step import TrainingStep
from keras_charrnn.text.windows import Windows


class Fitting(TrainingStep):
    """`compile` and `fit` of a `CharRNN`; a part of that class in a file of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.optimizer = None
        self._traced_for, self._skipped = None, 0

    def compile(self, optimizer="adam", loss=None, loss_weights=None, metrics=None, weighted_metrics=None, **kwargs):
        """Like Keras's `compile`; the loss is the model's own, and all that is measured, so that none is to be given.

        The loop over time compiles its own parts, so that `jit_compile` stays off unless asked for. With `run_eagerly`
        none is compiled: a cell's equations can be stepped through, and print numbers.

        Raises:
            SettingsError: If a loss or metrics are given.
        """
        given = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics}
        for name, value in given.items():
            if value is not None:
                raise SettingsError(f"a CharRNN has its own loss, nats per character: call compile without `{name}`")
        super().compile(optimizer=optimizer, **{"jit_compile": False, **kwargs})
        self.row_updates = RowUpdates(self.tables)
        self.train_function = None  # it may have been traced with another optimizer
        self.functions.made.clear()  # and others for another way to run them

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=(),
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        validation_batch_size=None,
        initial_step=0,
        **kwargs,
    ):
        """Like Keras's `fit`, on `Windows`, on a data set of elements of one fixed shape (B, T), or on arrays.

        In `Windows` and data sets, whose elements are `(inputs, targets)` or have weights too, each window begins with
        the states in which the one before it ended. `Windows` may have probabilities beside the targets, of which
        `taught_share` is learned. The rows of arrays, ids `x` and targets `y` (N, T), are texts of their own, each from
        the initial states. With weights, the loss is the weighted mean of a batch. A last batch of fewer rows counts
        these alone.

        A callback with a method `prepare(model)` has it called before the training step is traced.

        Args:
            initial_step: Windows of the first epoch to pass over, without a call of the batch callbacks: those on which
                an earlier `fit` has trained. A multiple of `steps_per_execution`, or all windows of the epoch.

        Raises:
            SettingsError: If the model is not compiled; if the windows have no fixed shape, or their rows do not divide
                among the replicas; if arrays are no ids of the model's, or not as many as one another.
        """
        self.require_compiled("fit")
        if class_weight is not None:
            raise SettingsError("a CharRNN takes no class_weight; give sample_weight, one for each target")
        callbacks, symbols = keras.tree.flatten(callbacks or []), len(self.vocabulary)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_rows(x, y, sample_weight, validation_split)
        data = dataset_of(x, y, sample_weight, symbols=symbols, batch_size=batch_size, shuffle=shuffle)
        if validation_data is not None:
            parts = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
            batch_size = validation_batch_size or batch_size
            if len(parts) > 3:
                raise SettingsError(f"validation_data must be (x, y) or (x, y, weights); it has {len(parts)} parts")
            validation_data = dataset_of(*parts, symbols=symbols, batch_size=batch_size, few_shapes=True)
        if not self.trainable_weights:
            raise SettingsError("there is no weight to train: set model.trainable = True, then call compile")
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
                add_progbar=verbose != 0,
                model=self,
                epochs=epochs,
                steps=data.cardinality().numpy(),
                verbose=verbose,
            )
        how = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, "validation_data": validation_data}
        with telling(symbols), as_traced():
            return super().fit(data, shuffle=False, **how, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Like Keras's `train_on_batch`: a `fit` on the rows of arrays at once; return the loss, or all metrics."""
        rows = len(ids_of(x, "x", len(self.vocabulary)))
        weights = {"class_weight": class_weight, "sample_weight": sample_weight}
        history = self.fit(x, y, rows, verbose=0, shuffle=False, **weights).history
        return {name: values[-1] for name, values in history.items()} if return_dict else history["loss"][-1]

    def train_step(self, data):
        with eagerly(self.run_eagerly), uncollected():
            return super().train_step(data)

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
        batch, length = shape_of(data)
        if batch % self.replicas:
            raise SettingsError(
                f"windows.batch_size {batch} does not divide among compute.replicas {self.replicas}; "
                f"take a multiple of {self.replicas}, or fewer replicas"
            )
        for layer in self.state_layers:
            if not layer.states or layer.states[0].shape[0] != batch:
                layer.make_states(batch)
        traced_for = (
            batch,
            length,
            self.replicas,
            self.carry_states,
            self.gradient_clipping,
            self.watch,
            self.label_smoothing,
            self.taught_share,
            self.ngram_decay,
            self.seed,
            self.workers,
            tuple(map(id, self.held.weights)),
            self.precision,
            getattr(self.optimizer, "ema_momentum", None),
        )
        if traced_for != self._traced_for:
            names = getattr(self.gradient_clipping, "names", ())
            self._clipping_means = Unseen({name: keras.metrics.Mean(name=name) for name in names})
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
