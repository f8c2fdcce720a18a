"""Sums in memory that the workers of a machine share."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.errors import SettingsError, WorkerError
from keras_charrnn.training.workers.memory import SUMS, Memory, find_place, new_name

SHAPES = [(), (1,), (7,), (3, 5), (129, 130)]


@pytest.fixture
def together():
    """Return a function that has each of N workers do something with its `Memory`, in threads."""
    if find_place() is None:
        pytest.skip("workers share memory on Linux alone")

    def run(count, work):
        name, found = new_name(), {}

        def one(rank):
            try:
                found[rank] = work(Memory(rank, count, name), rank)
            except Exception as error:
                found[rank] = error

        threads = [threading.Thread(target=one, args=(rank,), daemon=True) for rank in range(count)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(20)
        return [found.get(rank) for rank in range(count)]

    return run


@pytest.mark.parametrize("count", [2, 3, 4])
def test_all_get_the_same_sum_of_arrays_of_any_shape(count, together, rng):
    arrays = [[rng.normal(size=shape).astype(np.float32) for shape in SHAPES] for _ in range(count)]

    def work(memory, rank):
        own = [tf.constant(each) for each in arrays[rank]]
        assert memory.size(own) == 4 * sum(each.size for each in arrays[rank])
        first, exact = memory.sum(own[:2], own[2:])
        # Graphs that wait for one another need as many threads, of which an earlier test may have left one.
        threads = tf.config.threading.get_inter_op_parallelism_threads()
        graph = rank == 0 or (count == 2 and threads != 1)
        add = tf.function(memory.sum) if graph else memory.sum
        whole, _ = add([10 * each for each in [*own, *own]])  # more than before
        numbers = memory.add(tf.range(rank, 100 + rank))  # and smaller
        return [*first, *exact], whole, numbers

    found = together(count, work)
    wanted = [sum(each) for each in zip(*arrays, strict=True)]
    for sums, whole, numbers in found:
        for one, other, first, true in zip(sums, whole[len(sums) :], found[0][0], wanted, strict=True):
            assert one.shape == true.shape
            np.testing.assert_array_equal(one, first)
            np.testing.assert_allclose(one, true, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(other, 10 * true, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(numbers, count * np.arange(100) + sum(range(count)))


@pytest.mark.parametrize("lost", [0, 1])
def test_a_sum_ends_when_another_worker_is_lost_and_when_it_is_told_to(lost, together):
    def work(memory, rank):
        memory.add(tf.zeros(3))
        if rank == lost:
            for link in memory._links:  # as the system does with those of a process that has ended
                link.close()
            return None
        return memory.add(tf.zeros(3))

    found = together(2, work)
    assert isinstance(found[1 - lost], tf.errors.OpError) and "another worker is lost" in found[1 - lost].message

    def abort(memory, rank):
        if rank == lost:
            return memory
        threading.Timer(0.2, memory.abort).start()
        return memory.add(tf.zeros(3))

    found = together(2, abort)
    assert isinstance(found[1 - lost], tf.errors.OpError)


def test_who_does_not_come_is_told_of(monkeypatch):
    monkeypatch.setattr("keras_charrnn.training.workers.memory.WAIT", 0.1)
    for rank in (0, 1):
        with pytest.raises(WorkerError, match=rf"worker {rank}: the workers of this machine cannot share memory"):
            Memory(rank, 2, new_name())


def test_workers_share_memory_unless_they_are_told_not_to(monkeypatch):
    monkeypatch.setenv(SUMS, "network")
    assert find_place() is None
    monkeypatch.setenv(SUMS, "ring")
    with pytest.raises(SettingsError, match=rf"{SUMS} must be network, or not be set; it is 'ring'"):
        find_place()
