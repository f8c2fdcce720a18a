"""Sums of workers on one machine, in memory that they share. Linux only.

TensorFlow's own sums go through the network's programs, which on one machine takes much longer than the sum itself.

Shapes in letters: N workers.
"""

import contextlib
import mmap
import os
import pathlib
import secrets
import socket
import struct
import time

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError, WorkerError

SUMS = "KERAS_CHARRNN_SUMS"  # "network" where workers that could share memory are not to
ALIGNED = 64  # bytes, of a line of a processor's memory
WAIT = 60.0  # seconds for the others to come, who have just met
PAUSE = 0.02  # seconds between two tries to reach the chief
CREDENTIALS = struct.Struct("3i")  # of the process at the other end of a socket: its number, its user, its group


def find_place():
    """Return what is equal for workers that can share memory, a list; None where this system has no such thing.

    Raises:
        SettingsError: If the environment variable `SUMS` is something else than network.
    """
    asked = os.environ.get(SUMS)
    if asked not in (None, "", "network"):
        raise SettingsError(f"the environment variable {SUMS} must be network, or not be set; it is {asked!r}")
    if asked or not (hasattr(os, "memfd_create") and hasattr(socket, "send_fds")):
        return None
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        network = pathlib.Path("/proc/self/ns/net").stat().st_ino  # to which the names of sockets belong
        return [boot, network, os.getuid()]
    except OSError:
        return None


def new_name():
    """Return a name for the socket at which the chief waits."""
    return f"keras-charrnn-{secrets.token_hex(16)}"


class Memory:
    """Adds up arrays of workers that share memory.

    Each worker writes its arrays into its own part; when all have, each adds up its share of them; when all have, each
    reads the sums. Additions are in the order of the ranks, so that all get the same, to the last bit. The memory has
    no name, and ends with the processes.

    Args:
        rank, count: Of this worker, and N.
        name: Of the socket at which the chief waits.

    Raises:
        WorkerError: If the others do not come.
    """

    by = "memory"

    def __init__(self, rank, count, name):
        self._rank, self._count, self._parts, self._size = rank, count, None, 0
        address = f"\0{name}"  # which has no file, and ends with the chief
        try:
            self._links = self._gather(address) if rank == 0 else [self._reach(address)]
        except OSError as error:
            raise WorkerError(f"worker {rank}: the workers of this machine cannot share memory: {error}") from error

    def sum(self, tensors, exact=()):
        """Return the sums of two lists of tensors over the workers, in a graph or eagerly; here all are exact."""
        every = [*tensors, *exact]
        with tf.device("CPU:0"):
            found = tf.numpy_function(self._sum, every, [each.dtype for each in every])
        found = found if isinstance(found, list) else [found]  # as it is of one
        found = [tf.ensure_shape(one, each.shape) for one, each in zip(found, every, strict=True)]
        return found[: len(tensors)], found[len(tensors) :]

    def add(self, tensor):
        """Return the sum of a tensor over the workers, in its own type."""
        return self.sum([tensor])[0][0]

    def size(self, tensors):
        """Return the bytes of tensors in a sum."""
        return sum(int(np.prod(each.shape)) * each.dtype.size for each in tensors)

    def abort(self):
        """Have a sum that waits for another worker fail."""
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _sum(self, *arrays):
        offsets = [0]
        for each in arrays:
            offsets.append(offsets[-1] + -(-each.nbytes // ALIGNED) * ALIGNED)
        self._reserve(offsets.pop())
        views = [
            [part[start : start + each.nbytes].view(each.dtype) for part in self._parts]
            for start, each in zip(offsets, arrays, strict=True)
        ]
        for array, (_, *own) in zip(arrays, views, strict=True):
            own[self._rank][:] = array.reshape(-1)
        self._wait_for_all()
        for total, first, second, *others in views:
            start, end = (len(total) * rank // self._count for rank in (self._rank, self._rank + 1))
            mine = slice(start, end)
            np.add(first[mine], second[mine], out=total[mine])
            for each in others:
                total[mine] += each[mine]
        self._wait_for_all()
        return [total.reshape(array.shape).copy() for array, (total, *_) in zip(arrays, views, strict=True)]

    def _reserve(self, size):
        """See to it that there are parts of so many bytes: one for the sums, and one of each worker."""
        if size <= self._size:
            return
        whole = (self._count + 1) * size
        if self._rank == 0:
            file = os.memfd_create("keras-charrnn-sums")
            os.ftruncate(file, whole)
            for link in self._links:
                with contextlib.suppress(OSError):  # who is lost is noticed where it is heard
                    socket.send_fds(link, [b"."], [file])
        else:
            file = self._hear(self._links[0])
        # Whoever still reads an earlier one keeps it.
        self._parts = np.frombuffer(mmap.mmap(file, whole), np.uint8).reshape(self._count + 1, size)
        self._size = size
        os.close(file)

    def _wait_for_all(self):
        """Return when all workers are here; a message by the system also orders what was written and is read."""
        if self._rank == 0:
            for link in self._links:
                self._hear(link)
        for link in self._links:
            with contextlib.suppress(OSError):
                link.sendall(b".")
        if self._rank:
            self._hear(self._links[0])

    @staticmethod
    def _hear(link):
        """Wait for the worker at the other end; return the file that it hands over, or None."""
        try:
            heard, files, *_ = socket.recv_fds(link, 1, 1)
        except OSError:
            heard = b""
        if not heard:  # as TensorFlow's own sums tell it
            raise tf.errors.UnavailableError(None, None, "another worker is lost")
        return files[0] if files else None

    def _gather(self, address):
        """Let the others connect; return their connections."""
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen(self._count)
            listening.settimeout(WAIT)
            links = []
            while len(links) < self._count - 1:
                link, _ = listening.accept()
                _, user, _ = CREDENTIALS.unpack(
                    link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
                )
                if user == os.getuid():
                    links.append(link)
                else:
                    link.close()
        for link in links:
            link.setblocking(True)
        return links

    def _reach(self, address):
        """Connect to the chief, which listens or is about to."""
        until = time.monotonic() + WAIT
        while True:
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(address)
                return link
            except ConnectionRefusedError:
                link.close()
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE)
