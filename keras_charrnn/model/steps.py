"""The steps of `fit` and `evaluate`: states carried on, a batch split among replicas. TensorFlow only.

Shapes in letters: B batch, T time, R replicas.
"""

import contextlib

import keras
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.loss import mean_cross_entropy
from keras_charrnn.windows import Windows


class Steps:
    """What `CharRNN` does in Keras's `fit` and `evaluate`; a part of that class in a file of its own.

    The loss is the mean cross-entropy in nats per character, and needs no `loss` in `compile`. Training carries the
    states of the recurrent layers, evaluation states of its own, which begin anew with each `evaluate`.

    Attributes:
        replicas: R, the number of parts of a batch, each on a GPU of its own or beside the others on the cores. The
            gradient is that of the whole batch.
        carry_states: Whether a training window begins with the states in which the last one ended.
        gradient_clipping: Called with the list of gradients; returns the clipped ones and a mapping of metrics, each a
            scalar that is averaged over the epoch. None for no clipping. `callbacks.GradientClipping` sets it.
        watch: Called with the loss and the gradient's norm, scalars of a step, inside the compiled step. None for
            nobody. `callbacks.Divergence` sets it.
        label_smoothing: Share of each target's probability that training spreads over all symbols. The metric `loss`
            is of the targets themselves.
        seed: Of dropout and noise in training.
    """

    replicas = 1
    carry_states = True
    gradient_clipping = None
    watch = None
    label_smoothing = 0.0
    seed = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._loss_mean = keras.metrics.Mean(name="loss")
        self._clipping_means = _Means()
        self._evaluation_states = None
        self._traced_for = None
        self._skipped = 0

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
        data, callbacks = _dataset(x), list(callbacks)
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
            data, validation_data=_dataset(validation_data), callbacks=callbacks, shuffle=False, **kwargs
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

    @property
    def windows_done(self):
        """A variable: the windows on which the optimizer has trained; `iterations` counts its updates of the weights.

        The two differ where the gradients of several windows are accumulated for one update.
        """
        return self.optimizer.variables[0]

    def training_variables(self):
        """Return all variables that a training changes: {"weights": [...], "optimizer": ..., "states": ..., ...}."""
        metrics = [variable for metric in self.metrics for variable in metric.variables]
        known = {id(variable) for variable in (*self.weights, *metrics)}
        return {
            "weights": list(self.weights),
            "optimizer": list(self.optimizer.variables),
            "states": [state for layer in self.recurrent for state in layer.states],
            "seeds": [variable for variable in self.variables if id(variable) not in known],
            "metrics": metrics,
            "watch": [] if self.watch is None else list(self.watch.variables),
        }

    def evaluate(self, x, **kwargs):
        """Like Keras's `evaluate`, from the initial states; the states of training stay as they are."""
        data = _dataset(x)
        initial = self.initial_states(_shape(data)[0])
        if self._evaluation_states is None or not self._evaluation_states.fit(initial):
            self._evaluation_states = _Variables(initial)
            self.test_function = None  # it has been traced with other variables
        self._evaluation_states.assign(initial)
        return super().evaluate(data, **kwargs)

    def reset_states(self):
        """Bring the training states back to the cells' initial states."""
        for layer in self.recurrent:
            layer.reset_state()

    @property
    def metrics(self):
        return [self._loss_mean, *self._clipping_means.by_name.values()]

    def train_step(self, data):
        inputs, targets = data[:2]
        batch, replicas = inputs.shape[0], self.replicas
        if batch != self.recurrent[0].states[0].shape[0]:
            raise SettingsError(f"the states have {self.recurrent[0].states[0].shape[0]} rows, the window {batch}")
        seed = tf.stack([tf.constant(self.seed % 2**31, tf.int32), tf.cast(self.windows_done.value, tf.int32)])
        if self.carry_states:
            states = [[state.value for state in layer.states] for layer in self.recurrent]
        else:
            states = self.initial_states(batch)
        found, rows = [], batch // replicas
        # Traced, optimized and compiled once for all replicas, as long as it stays a function of its own.
        run = tf.function(self._run_replica, autograph=False, experimental_attributes={"_noinline": True})
        for replica in range(replicas):
            mine = slice(replica * rows, (replica + 1) * rows)
            with self._device(replica):
                before = [[state[mine] for state in layer] for layer in states]
                own_seed = tf.random.experimental.stateless_fold_in(seed, replica)
                found.append(run(inputs[mine], targets[mine], before, own_seed))
        gradients, losses, after = zip(*found, strict=True)
        gradients = [tf.add_n(each) / replicas for each in map(list, zip(*gradients, strict=True))]
        if self.carry_states:
            for layer, parts in zip(self.recurrent, zip(*after, strict=True), strict=True):
                layer.assign_states([tf.concat(each, 0) for each in zip(*parts, strict=True)])
        logs = {}
        if self.gradient_clipping is not None:
            gradients, logs = self.gradient_clipping(gradients)
        loss = tf.add_n(losses) / replicas
        if self.watch is not None:
            self.watch(loss, logs["gradient_norm"] if "gradient_norm" in logs else tf.linalg.global_norm(gradients))
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self._loss_mean.update_state(loss)
        for name, value in logs.items():
            self._clipping_means.by_name[name].update_state(value)
        return {metric.name: metric.result() for metric in self.metrics}

    def _run_replica(self, inputs, targets, states, seed):
        """Return the gradients, the loss in nats and the new states of some rows of a window."""
        with tf.GradientTape() as tape:
            hidden, new = self.run_recurrent(tf.transpose(inputs), states, training=True, seed=seed)
            wanted = tf.reshape(tf.transpose(targets), (-1,))
            loss, nats = mean_cross_entropy(hidden, *self.head_weights, wanted, self.precision, self.label_smoothing)
        gradients = tape.gradient(loss, [weight.value for weight in self.trainable_weights])
        return [tf.convert_to_tensor(each) for each in gradients], nats, new

    def test_step(self, data):
        inputs, targets, *weights = data
        states = self._evaluation_states
        logits, new = self.run_time_major(tf.transpose(inputs), states.values())
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(targets), logits)
        self._loss_mean.update_state(losses, tf.transpose(weights[0]) if weights else None)
        states.assign(new)
        return {"loss": self._loss_mean.result()}

    def _prepare(self, data):
        """Make all that the training step reads, before it is traced."""
        batch, _ = _shape(data)
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
            self._clipping_means = _Means({name: keras.metrics.Mean(name=name) for name in names})
            self._traced_for, self.train_function = traced_for, None

    def _device(self, replica):
        """Return the context of a replica: a GPU of its own; on a CPU they are threads of one device."""
        if self.replicas > 1 and tf.config.list_logical_devices("GPU"):
            return tf.device(f"/GPU:{replica}")
        return contextlib.nullcontext()


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


class _Means:
    """Metrics by name, in a place where Keras does not look for something to save."""

    def __init__(self, by_name=()):
        self.by_name = dict(by_name)


class _Variables:
    """Variables for a list of lists of states."""

    def __init__(self, states):
        self._layers = [[keras.Variable(state, trainable=False) for state in layer] for layer in states]

    def values(self):
        return [[variable.value for variable in layer] for layer in self._layers]

    def fit(self, states):
        """Whether the variables have the shapes of `states`."""
        shapes = [[tuple(state.shape) for state in layer] for layer in states]
        return shapes == [[tuple(variable.shape) for variable in layer] for layer in self._layers]

    def assign(self, states):
        for variables, values in zip(self._layers, states, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)


def _dataset(data):
    return data.dataset if isinstance(data, Windows) else data


def _shape(data):
    shape = data.element_spec[0].shape
    if shape.rank != 2 or None in tuple(shape):
        raise SettingsError(
            f"the windows must have a fixed shape (batch, time); these have {shape}. Make them with "
            "keras_charrnn.windows, or batch with drop_remainder=True"
        )
    return tuple(shape)
