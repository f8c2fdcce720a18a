"""The training step: states carried on, a batch split among replicas, one update. TensorFlow only.

Shapes in letters: B batch, T time, R replicas.
"""

import contextlib

import keras
import tensorflow as tf

from keras_charrnn.engine.compiled_product import has_gpu
from keras_charrnn.engine.compute import require_eager
from keras_charrnn.engine.loss import mean_cross_entropy
from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.unseen import Unseen
from keras_charrnn.model.data import unpack
from keras_charrnn.model.held import Held
from keras_charrnn.model.row_updates import RowUpdates


class TrainingStep:
    """What `CharRNN` does with each window of Keras's `fit`; a part of that class in a file of its own.

    What is minimised is the mean cross-entropy of a symbol, weighted where the data have weights; the metric `loss` is
    in nats per character of the text, whatever the vocabulary's unit. Training carries the states of all layers that
    have some.

    Attributes:
        replicas: R, the number of parts of a batch, each on a GPU of its own or beside the others on the cores. The
            gradient is that of the whole batch.
        carry_states: Whether a training window begins with the states in which the last one ended. Rows of arrays never
            do.
        gradient_clipping: Called with the list of gradients; returns the clipped ones and a mapping of metrics, each a
            scalar that is averaged over the epoch. None for no clipping. `callbacks.GradientClipping` sets it.
        watch: Called with the loss, in nats per character, and the gradient's norm, scalars of a step, inside the
            compiled step. None for nobody. `callbacks.Divergence` sets it.
        label_smoothing: Share of each target's probability that training spreads over all symbols. The metric `loss`
            is of the targets themselves.
        taught_share: Share of each target's probability that is learned from the probabilities (B, T, V) that stand
            beside the targets, `(targets, taught)`, where there are some. The metric `loss` is of the targets too then.
        ngram_decay: Weight decay of the tables of n-grams, in units of the learning rate: see `RowUpdates`, by which
            they learn, whatever the optimizer.
        seed: Of dropout and noise in training.
        held: The weights that stay as they are for a while: a `Held`.
        workers: What other processes that train the same model on other rows of the batch are reached by, with
            `rank`, `count` and `reduce(gradients, slices, loss, characters)`: see `workers.Collective`. The data then
            have no weights. None where there are none.

    Raises:
        SettingsError: If it is made where TensorFlow does not execute eagerly, or in the scope of a strategy.
    """

    replicas = 1
    carry_states = True
    gradient_clipping = None
    watch = None
    label_smoothing = 0.0
    taught_share = 0.0
    ngram_decay = 1.0
    seed = 0
    workers = None

    def __init__(self, *args, **kwargs):
        require_eager()
        super().__init__(*args, **kwargs)
        self._loss_mean = keras.metrics.Mean(name="loss")
        self._clipping_means, self.row_updates = Unseen(), RowUpdates(())
        self.held = Held()

    @property
    def windows_done(self):
        """A variable: the windows on which the optimizer has trained; `iterations` counts its updates of the weights.

        The two differ where the gradients of several windows are accumulated for one update.
        """
        return self.optimizer.variables[0]

    def training_variables(self):
        """Return all variables that a training changes: {"weights": [...], "optimizer": ..., "states": ..., ...}."""
        metrics = [variable for metric in self.training_metrics for variable in metric.variables]
        known = {id(variable) for variable in (*self.weights, *metrics)}
        return {
            "weights": list(self.weights),
            "optimizer": [*self.optimizer.variables, *self.row_updates.variables],
            "states": [state for layer in self.state_layers for state in layer.states],
            "seeds": [variable for variable in self.variables if id(variable) not in known],
            "metrics": metrics,
            "watch": [] if self.watch is None else list(self.watch.variables),
        }

    def reset_states(self):
        """Bring the training states back to the initial states."""
        for layer in self.state_layers:
            layer.reset_state()

    @property
    def training_metrics(self):
        """Those of `fit`, each a mean over the epoch: the loss, and what `gradient_clipping` measures."""
        return [self._loss_mean, *self._clipping_means.made.values()]

    def train_step(self, data):
        inputs, targets, taught, weights, independent = unpack(data)
        batch, replicas, carried = inputs.shape[0], self.replicas, self.carry_states and not independent
        if carried and batch != self.state_layers[0].states[0].shape[0]:
            raise SettingsError(f"the states have {self.state_layers[0].states[0].shape[0]} rows, the window {batch}")
        seed = tf.stack([tf.constant(self.seed % 2**31, tf.int32), tf.cast(self.windows_done.value, tf.int32)])
        if carried:
            states = [[state.value for state in layer.states] for layer in self.state_layers]
        else:
            states = self.initial_states(batch)
        total = None if weights is None else tf.reduce_sum(weights)
        if weights is not None:
            weights = tf.math.divide_no_nan(weights, total / tf.cast(tf.size(weights), total.dtype))
        found, rows, first = [], batch // replicas, 0 if self.workers is None else self.workers.rank * replicas
        # Traced, optimized and compiled once for all replicas, as long as it stays a function of its own. One that does
        # not hands each gradient to the other workers while the next one is computed.
        run = self._run_replica
        if replicas > 1 or self.workers is None:
            run = tf.function(run, autograph=False, experimental_attributes={"_noinline": True})
        for replica in range(replicas):
            mine = slice(replica * rows, (replica + 1) * rows)
            with self._device(replica):
                before = [[state[mine] for state in layer] for layer in states]
                own_seed = tf.random.experimental.stateless_fold_in(seed, first + replica)
                own = [each if each is None else each[mine] for each in (inputs, targets, taught, weights)]
                found.append(run(*own, before, own_seed))
        gradients, slices, losses, after = zip(*found, strict=True)
        gradients = [tf.add_n(each) / replicas for each in map(list, zip(*gradients, strict=True))]
        loss, per = tf.add_n(losses) / replicas, self.characters_of(targets, weights)
        if self.workers is not None:
            gradients, slices, loss, per = self.workers.reduce(gradients, slices, loss, per)
        loss /= per  # from here on of a character
        # A GPU adds in no fixed order, and workers must come to the same.
        with contextlib.nullcontext() if self.workers is None else tf.device("CPU:0"):
            dense, collected = len(gradients), [self.row_updates.collect(each) for each in zip(*slices, strict=True)]
        gradients += [gradient for gradient, _ in collected]
        gradients = self.held.spare(gradients, [*self.trainable_weights, *self.row_updates.tables])
        if carried:
            for layer, parts in zip(self.state_layers, zip(*after, strict=True), strict=True):
                layer.assign_states([tf.concat(each, 0) for each in zip(*parts, strict=True)])
        logs = {}
        if self.gradient_clipping is not None:
            gradients, logs = self.gradient_clipping(gradients)
        if self.watch is not None:
            self.watch(loss, logs["gradient_norm"] if "gradient_norm" in logs else tf.linalg.global_norm(gradients))
        rate, windows = self.optimizer.learning_rate, self.windows_done.value
        rates = [self.held.scaled(rate, table) for table in self.row_updates.tables]
        rows = [rows for _, rows in collected]
        self.row_updates.apply(gradients[dense:], rows, rates, self.ngram_decay, windows)
        with self.held.keep(self.optimizer, self.trainable_weights):
            self.optimizer.apply_gradients(zip(gradients[:dense], self.trainable_weights, strict=True))
        self._loss_mean.update_state(loss, per if total is None else per * total)
        for name, value in logs.items():
            self._clipping_means.made[name].update_state(value)
        return {metric.name: metric.result() for metric in self.training_metrics}

    def _run_replica(self, inputs, targets, taught, weights, states, seed):
        """Return the gradients, those of the tables apart, the loss in nats and the new states of a window's rows."""
        dense, tables = (
            [weight.value for weight in each] for each in (self.trainable_weights, self.row_updates.tables)
        )
        with tf.GradientTape() as tape:
            tape.watch(tables)
            hidden, new = self.run_recurrent(tf.transpose(inputs), states, training=True, seed=seed)
            wanted, weights = (
                each if each is None else tf.reshape(tf.transpose(each), (-1,)) for each in (targets, weights)
            )
            if taught is not None:
                taught = tf.reshape(tf.transpose(taught, (1, 0, 2)), (-1, taught.shape[-1]))
            how = self.precision, self.label_smoothing, weights, taught, self.taught_share
            loss, nats = mean_cross_entropy(hidden, *self.head_weights, wanted, *how)
        gradients, slices = tape.gradient(loss, [dense, tables])
        return [tf.convert_to_tensor(each) for each in gradients], slices, nats, new

    def _device(self, replica):
        """Return the context of a replica: a GPU of its own; on a CPU they are threads of one device."""
        if self.replicas > 1 and has_gpu():
            return tf.device(f"/GPU:{replica}")
        return contextlib.nullcontext()
