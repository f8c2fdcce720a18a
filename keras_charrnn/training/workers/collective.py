"""What the workers of a group add up and tell one another, by TensorFlow's collectives.

Shapes in letters: N workers, B rows of a batch, R replicas of a worker, E width of a table's row, k figures.
"""

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError, WorkerError

LARGE = 2**17  # numbers of a gradient that is added up by itself
FIGURES = 4  # that each tells with the gradients: loss, characters of a target, a signal, seconds


class Collective:
    """The sums of a group's workers. To be made before TensorFlow has done anything.

    Whatever is told exactly stands in the worker's own place of an array that is 0 elsewhere, so that the sum holds
    all of them. A step makes one sum, of the small gradients and all else that is to be told, in one array, and one of
    each large gradient.

    Args:
        rank, count: Of this worker, and N.
        addresses: "host:port" of each worker's TensorFlow.
        precision: In which the gradients are added up, "float32" or "bfloat16".
        clock: Called without arguments: seconds; the group's clock is the chief's.

    Attributes:
        rank, count: As above.
        signal: To tell the others with the next step; 0 for none.
        agreed: A signal that one of all has told of; 0 for none.
        seconds: The chief's clock, as of the last sum.
        bytes: Of the last step's array.
    """

    def __init__(self, rank, count, addresses, precision, clock):
        self.rank, self.count, self.precision, self._clock = rank, count, precision, clock
        self.signal, self.agreed, self.seconds, self.bytes = 0, 0, 0.0, 0
        cluster = tf.train.ClusterSpec({"worker": addresses})
        gpus = len(tf.config.get_visible_devices("GPU"))
        has_gpus = gpus == 1  # with several, which are replicas, the sums go by the processor
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            cluster, task_type="worker", task_id=rank, rpc_layer="grpc", num_accelerators={"GPU": int(has_gpus)}
        )
        by = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(implementation=by.NCCL if has_gpus else by.RING)
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        except RuntimeError as error:
            raise SettingsError(
                "workers must be started before anything else uses TensorFlow in the process; call fit first"
            ) from error
        except tf.errors.OpError as error:
            raise WorkerError(f"worker {rank}: TensorFlow cannot reach the others: {error.message}") from error
        with tf.device("CPU:0"):
            self._said = tf.Variable(tf.zeros(FIGURES), trainable=False)
            self._heard = tf.Variable(tf.zeros((count, FIGURES)), trainable=False)

    def rows(self, batch):
        """Return the slice of the B rows of a batch, or of a state, that are this worker's."""
        own = batch // self.count
        return slice(self.rank * own, (self.rank + 1) * own)

    def reduce(self, gradients, slices, loss, characters):
        """Return what the whole batch gives, in the graph of a training step; the same in all workers.

        Args:
            gradients: Of the dense weights, the mean over this worker's rows.
            slices: For each replica a list of tf.IndexedSlices, of each table; of each replica's own mean.
            loss, characters: Means over this worker's rows.

        Returns:
            The same of all workers: `slices` has N R replicas.
        """
        told = tf.concat([tf.stack([loss, characters]), self._said.value()[2:]], 0)
        exact = [told]
        for each in zip(*slices, strict=True):
            exact.append(tf.cast(tf.stack([one.indices for one in each]), tf.float32))  # fewer than 2^24, exact
        summed = [*gradients]
        for each in zip(*slices, strict=True):
            summed.append(self._in_place(tf.stack([one.values for one in each])))
        exact = [self._in_place(each) for each in exact]
        summed, exact = self._sum(summed, exact)
        heard, indices = exact[0], exact[1:]
        self._heard.assign(heard)
        values, dense = summed[len(gradients) :], summed[: len(gradients)]
        tables = [
            [
                tf.IndexedSlices(value, tf.cast(index, tf.int32))
                for value, index in zip(*(_flat_replicas(part) for part in (one, where)), strict=True)
            ]
            for one, where in zip(values, indices, strict=True)
        ]
        count = self.count * len(slices)
        replicas = [list(each) for each in zip(*tables, strict=True)] or [[] for _ in range(count)]
        return [each / self.count for each in dense], replicas, tf.reduce_mean(heard[:, 0]), tf.reduce_mean(heard[:, 1])

    def _in_place(self, x):
        """Return x (...) as (N, ...), in this worker's place, with zeros elsewhere."""
        return tf.stack([x if rank == self.rank else tf.zeros_like(x) for rank in range(self.count)])

    def _sum(self, summed, exact):
        """Return the sums of two lists of tensors over the workers; the second is exact in any precision.

        Large ones go by themselves: to copy them into one array and out of it takes longer than another sum.
        """
        large = {place for place, each in enumerate(summed) if np.prod(each.shape) >= LARGE}
        alone = [self._alone(summed[place]) for place in sorted(large)]
        small, exact = self._sum_flat([each for place, each in enumerate(summed) if place not in large], exact)
        alone, small = iter(alone), iter(small)
        self.bytes += sum(int(np.prod(summed[place].shape)) for place in large) * self._width
        return [next(alone if place in large else small) for place in range(len(summed))], exact

    @property
    def _width(self):
        return 2 if self.precision == "bfloat16" else 4

    def _alone(self, tensor):
        """Return the sum of a large tensor, in its own shape."""
        sent = tf.cast(tensor, tf.bfloat16) if self.precision == "bfloat16" else tensor
        return tf.cast(self.add(sent), tensor.dtype)

    def _sum_flat(self, summed, exact):
        """Return the sums of two lists, in one array."""
        parts = [*summed, *exact]
        shapes = [each.shape for each in parts]
        flat = [tf.concat([tf.reshape(each, [-1]) for each in group], 0) for group in (summed, exact) if group]
        if self.precision == "bfloat16":
            flat = [*(tf.cast(each, tf.bfloat16) for each in flat[:-1]), *_terms(flat[-1])]
        flat = tf.concat(flat, 0)
        self.bytes = flat.shape[0] * flat.dtype.size
        total = tf.cast(self.add(flat), tf.float32)
        if self.precision == "bfloat16":
            sizes = [int(np.prod(each.shape)) for each in exact]
            size = total.shape[0] - 3 * sum(sizes)
            total = tf.concat([total[:size], tf.add_n(tf.split(total[size:], 3))], 0)
        split = tf.split(total, [int(np.prod(shape)) for shape in shapes])
        split = [tf.reshape(each, shape) for each, shape in zip(split, shapes, strict=True)]
        return split[: len(summed)], split[len(summed) :]

    def add(self, vector):
        """Return the sum of a tensor over the workers."""
        with self._strategy.scope():
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, vector, axis=None)

    def speak(self):
        """Before a step: see to it that what is to be told goes with it."""
        self._said.assign([0.0, 0.0, float(self.signal), self._clock()])

    def listen(self):
        """After a step: take in what the others have told."""
        self._take(self._heard.numpy())

    def tell(self, *figures):
        """Return (N, k): some figures of each worker, between two steps."""
        own = np.zeros((self.count, len(figures) + 2), np.float32)
        own[self.rank] = [*figures, float(self.signal), self._clock()]
        found = self.add(tf.constant(own.reshape(-1))).numpy().reshape(own.shape)
        self._take(np.concatenate([np.zeros((self.count, 2)), found[:, -2:]], 1))
        return found[:, :-2]

    def gather(self, arrays):
        """Return arrays (B, ...) of those of the workers (B/N, ...), in order; between two steps."""
        whole = []
        for array in arrays:
            places = np.zeros((self.count, *array.shape), array.dtype)
            places[self.rank] = array
            found = self.add(tf.constant(places.reshape(-1))).numpy()
            whole.append(found.reshape(-1, *array.shape[1:]).astype(array.dtype))
        return whole

    def _take(self, heard):
        self.seconds = float(heard[0, 3])
        self.agreed = int(heard[:, 2].max())


def _flat_replicas(x):
    """Return a list of N R tensors of one that is (N, R, ...)."""
    return [one for worker in tf.unstack(x) for one in tf.unstack(worker)]


def _terms(x):
    """Return three bfloat16 tensors whose sum is x, a float32 tensor, to its last bit."""
    terms = []
    for _ in range(3):
        terms.append(tf.cast(x, tf.bfloat16))
        x = x - tf.cast(terms[-1], tf.float32)
    return terms
