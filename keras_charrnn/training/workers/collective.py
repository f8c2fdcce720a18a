"""What the workers of a group add up and tell one another.

Shapes in letters: N workers, B rows of a batch, R replicas of a worker, E width of a table's row, k figures.
"""

import numpy as np
import tensorflow as tf

FIGURES = 4  # that each tells with the gradients: loss, characters of a target, a signal, seconds


class Collective:
    """What a group of workers knows together, by sums of arrays.

    Whatever is told exactly stands in the worker's own place of an array that is 0 elsewhere, so that the sum holds
    all of them. A step makes one sum, of the gradients and all else that is to be told.

    Args:
        rank, count: Of this worker, and N.
        sums: What adds up tensors of all workers: a `Memory` or a `Ring`.
        clock: Called without arguments: seconds; the group's clock is the chief's.

    Attributes:
        rank, count, sums: As above.
        signal: To tell the others with the next step; 0 for none.
        agreed: A signal that one of all has told of; 0 for none.
        seconds: The chief's clock, as of the last sum.
        bytes: Of what a step adds up.
        waited: Seconds of the last step in which this worker had computed all of its own, and the sums were not there.
    """

    def __init__(self, rank, count, sums, clock):
        self.rank, self.count, self.sums, self._clock = rank, count, sums, clock
        self.signal, self.agreed, self.seconds, self.bytes, self.waited = 0, 0, 0.0, 0, 0.0
        with tf.device("CPU:0"):
            self._said = tf.Variable(tf.zeros(FIGURES), trainable=False)
            self._heard = tf.Variable(tf.zeros((count, FIGURES)), trainable=False)
            self._waited = tf.Variable(tf.zeros((), tf.float64), trainable=False)

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
        self.bytes = self.sums.size(summed)
        with tf.control_dependencies(summed):
            computed = tf.timestamp()
        summed, exact = self.sums.sum(summed, exact)
        with tf.control_dependencies([*summed, *exact]):
            self._waited.assign(tf.timestamp() - computed)
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

    def speak(self):
        """Before a step: see to it that what is to be told goes with it."""
        self._said.assign([0.0, 0.0, float(self.signal), self._clock()])

    def listen(self):
        """After a step: take in what the others have told, and how long this one waited."""
        self.waited = float(self._waited.numpy())
        self._take(self._heard.numpy())

    def tell(self, *figures):
        """Return (N, k): some figures of each worker, between two steps."""
        own = np.zeros((self.count, len(figures) + 2), np.float32)
        own[self.rank] = [*figures, float(self.signal), self._clock()]
        found = self.sums.add(tf.constant(own.reshape(-1))).numpy().reshape(own.shape)
        self._take(np.concatenate([np.zeros((self.count, 2)), found[:, -2:]], 1))
        return found[:, :-2]

    def gather(self, arrays):
        """Return arrays (B, ...) of those of the workers (B/N, ...), in order; between two steps."""
        whole = []
        for array in arrays:
            places = np.zeros((self.count, *array.shape), array.dtype)
            places[self.rank] = array
            found = self.sums.add(tf.constant(places.reshape(-1))).numpy()
            whole.append(found.reshape(-1, *array.shape[1:]).astype(array.dtype))
        return whole

    def _take(self, heard):
        self.seconds = float(heard[0, 3])
        self.agreed = int(heard[:, 2].max())


def _flat_replicas(x):
    """Return a list of N R tensors of one that is (N, R, ...)."""
    return [one for worker in tf.unstack(x) for one in tf.unstack(worker)]
