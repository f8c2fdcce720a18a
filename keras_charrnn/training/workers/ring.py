"""Sums of workers by TensorFlow's collectives: a ring over the network, or NCCL between GPUs."""

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as tensorflow_context

from keras_charrnn.errors import SettingsError, WorkerError

LARGE = 2**17  # numbers of a tensor that is added up by itself


class Ring:
    """Adds up tensors of workers. To be made before TensorFlow has done anything.

    Small tensors go in one array, and each large one by itself: to copy it into that array and out of it takes longer
    than another sum, and it goes while others are computed. The last ones, of the last layer, are computed first.

    Args:
        rank: Of this worker.
        addresses: "host:port" of each worker's TensorFlow.
        precision: In which tensors are added up that need not be exact, "float32" or "bfloat16".

    Raises:
        SettingsError: If TensorFlow has been used before.
        WorkerError: If it cannot reach the others.
    """

    by = "network"

    def __init__(self, rank, addresses, precision):
        self._precision = precision
        gpus = len(tf.config.get_visible_devices("GPU"))
        has_gpu = gpus == 1  # with several, which are replicas, the sums go by the processor
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": addresses}),
            task_type="worker",
            task_id=rank,
            rpc_layer="grpc",
            num_accelerators={"GPU": int(has_gpu)},
        )
        by = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(implementation=by.NCCL if has_gpu else by.RING)
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        except RuntimeError as error:
            raise SettingsError(
                "workers must be started before anything else uses TensorFlow in the process; call fit first"
            ) from error
        except tf.errors.OpError as error:
            raise WorkerError(f"worker {rank}: TensorFlow cannot reach the others: {error.message}") from error

    def sum(self, tensors, exact=()):
        """Return the sums of two lists of float32 tensors over the workers; the second is exact in any precision."""
        places = range(len(tensors))
        sums = {n: self._sum_alone(tensors[n]) for n in reversed(places) if _count(tensors[n]) >= LARGE}
        small = [n for n in places if n not in sums]
        found, exact = self._sum_flat([tensors[n] for n in small], exact)
        sums.update(zip(small, found, strict=True))
        return [sums[n] for n in places], exact

    def add(self, tensor):
        """Return the sum of a tensor over the workers, in its own type."""
        with self._strategy.scope():
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, tensor, axis=None)

    def size(self, tensors):
        """Return the bytes of tensors in a sum that need not be exact."""
        return sum(map(_count, tensors)) * tf.as_dtype(self._precision).size

    def abort(self):
        """Have a sum that waits for another worker fail."""
        tensorflow_context.context().abort_collective_ops(tf.errors.UNAVAILABLE, "another worker is lost")

    def _sum_alone(self, tensor):
        """Return the sum of a large tensor, in its own shape."""
        return tf.cast(self.add(tf.cast(tensor, self._precision)), tensor.dtype)

    def _sum_flat(self, tensors, exact):
        """Return the sums of two lists, in one array."""
        parts = [*tensors, *exact]
        if not parts:
            return [], []
        flat = [tf.concat([tf.reshape(each, [-1]) for each in group], 0) for group in (tensors, exact) if group]
        if self._precision == "bfloat16":
            last = _terms(flat[-1]) if exact else [tf.cast(flat[-1], tf.bfloat16)]
            flat = [*(tf.cast(each, tf.bfloat16) for each in flat[:-1]), *last]
        total = tf.cast(self.add(tf.concat(flat, 0)), tf.float32)
        if self._precision == "bfloat16" and exact:
            size = sum(map(_count, tensors))
            total = tf.concat([total[:size], tf.add_n(tf.split(total[size:], 3))], 0)
        split = tf.split(total, [*map(_count, parts)])
        split = [tf.reshape(each, part.shape) for each, part in zip(split, parts, strict=True)]
        return split[: len(tensors)], split[len(tensors) :]


def _count(tensor):
    """Return how many numbers a tensor has."""
    return int(np.prod(tensor.shape))


def _terms(x):
    """Return three bfloat16 tensors whose sum is x, a float32 tensor, to its last bit."""
    terms = []
    for _ in range(3):
        terms.append(tf.cast(x, tf.bfloat16))
        x = x - tf.cast(terms[-1], tf.float32)
    return terms
