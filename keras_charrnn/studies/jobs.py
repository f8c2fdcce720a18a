"""Trainings of a study, side by side in processes of their own, or one after another in this one.

What a training is told and what it finds are plain values, so that both ways are the same.
"""

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import threading

from keras_charrnn.errors import SettingsError, StudyError, WriteError
from keras_charrnn.studies.shares import divide

COMMAND = (sys.executable, "-m", "keras_charrnn.studies.job")


def make_jobs(count, do):
    """Return what does orders with a function of a module: `count` at a time, or here where that is 1.

    Args:
        count: How many.
        do: The function: takes an order, a mapping, and `tell(words)`; returns a mapping of plain values. In other
            processes it is found by its name.

    Raises:
        SettingsError: If `count` is no whole number of 1 or more.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SettingsError(f"jobs must be a whole number of 1 or more; received {count!r}")
    return Here(do) if count == 1 else Jobs(count, do)


class Here:
    """Does each order in this process."""

    count = 1
    lock = contextlib.nullcontext()

    def __init__(self, do):
        self.do = do

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    @staticmethod
    def map(function, items):
        """Call a function with each of some items; return what it returned."""
        return [function(each) for each in items]


class Jobs:
    """Processes that do orders, each on its share of the cores, or a GPU.

    Args:
        count: Most of them.
        do: As of `make_jobs`.

    Attributes:
        count: How many there are.
        lock: To be held by whoever of several threads changes what they share.
    """

    def __init__(self, count, do):
        self._shares = divide(count)
        self.count, self.lock = len(self._shares), threading.RLock()
        self._name = f"{do.__module__}:{do.__qualname__}"
        self._free, self._processes = queue.Queue(), []

    def __enter__(self):
        for share in self._shares:
            gpu = {} if share.gpu is None else {"CUDA_VISIBLE_DEVICES": share.gpu}
            with share.held():
                process = subprocess.Popen(
                    [*COMMAND, self._name],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    encoding="utf-8",
                    env={**os.environ, **gpu},
                    start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on, once
                )
            self._processes.append(process)
            self._free.put(process)
        return self

    def __exit__(self, *_):
        for each in self._processes:
            with contextlib.suppress(OSError):
                each.stdin.close()
            if each.poll() is None:
                each.send_signal(signal.SIGINT)  # one that trains writes a checkpoint first
        for each in self._processes:
            each.wait()
            each.stdout.close()

    def map(self, function, items):
        """Call a function with each of some items, all at once, each in a thread; return what it returned."""
        items = list(items)
        if not items:
            return []
        threads = concurrent.futures.ThreadPoolExecutor(len(items))
        try:
            futures = [threads.submit(function, each) for each in items]
            concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
            return [each.result() for each in futures]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def do(self, order, tell):
        """Have the next free process do an order.

        Raises:
            WriteError: If a file cannot be written.
            StudyError: If the process is lost.
        """
        process = self._free.get()
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                said = json.loads(line)
                if "tell" in said:
                    tell(said["tell"])
                elif "found" in said:
                    return said["found"]
                elif "cannot_write" in said:
                    raise WriteError(said["cannot_write"])
        except WriteError:  # which is an OSError too
            raise
        except (OSError, ValueError) as error:
            raise StudyError(f"a process of the study is lost: {error}") from error
        finally:
            if process.poll() is None:
                self._free.put(process)
        raise StudyError(f"a process of the study has ended, with status {process.wait()}")


def plain(value):
    """Return a dataclass as a mapping of plain values."""
    return json.loads(json.dumps(dataclasses.asdict(value)))
