"""Trainings of a study, side by side in processes of their own, or one after another in this one.

What a training is told and what it finds are plain values, so that both ways are the same.
"""

import concurrent.futures
import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading

import tensorflow as tf

from keras_charrnn.common.signals import HeldSignals, ending
from keras_charrnn.errors import SettingsError, StudyError, WriteError
from keras_charrnn.studies.shares import Started, divide

SOON = 5  # seconds for a process to end that has nothing more to say
PAUSE = 0.2  # seconds between two looks at whether to end
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
    jobs = Jobs(count, do)
    return Here(do) if jobs.count == 1 else jobs  # on one core, or with one GPU, too


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
        if self._shares[0].gpu is not None:
            with contextlib.suppress(RuntimeError):  # the processes are to have the GPUs, and all of their memory
                tf.config.set_visible_devices([], "GPU")
        self.count, self.lock = len(self._shares), threading.RLock()
        self._name = f"{do.__module__}:{do.__qualname__}"
        self._free, self._started = queue.Queue(), []

    def __enter__(self):
        how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        for share in self._shares:
            self._started.append(Started([*COMMAND, self._name], share, **how))
            self._free.put(self._started[-1])
        return self

    def __exit__(self, *_):
        self._free.put(None)  # whoever waits for a process waits in vain
        for each in self._started:
            with contextlib.suppress(OSError):
                each.process.stdin.close()
            each.ask(signal.SIGINT)  # one that trains writes a checkpoint first
        for each in self._started:
            each.process.wait()
            each.process.stdout.close()
            each.close()

    def map(self, function, items):
        """Call a function with each of some items, all at once, each in a thread; return what it returned.

        Raises:
            What a call has raised, as soon as it has.
            KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP.
        """
        items = list(items)
        if not items:
            return []
        threads = concurrent.futures.ThreadPoolExecutor(len(items))
        try:
            with HeldSignals(*ending()) as signals:
                futures, left = [threads.submit(function, each) for each in items], True
                while left:
                    done, left = concurrent.futures.wait(futures, PAUSE, concurrent.futures.FIRST_EXCEPTION)
                    for each in done:
                        each.result()
                    signals.check()
            return [each.result() for each in futures]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def do(self, order, tell):
        """Have the next free process do an order.

        Raises:
            WriteError: If a file cannot be written.
            StudyError: If the process is lost.
        """
        started = self._free.get()
        if started is None:
            self._free.put(None)  # for the next one who waits
            raise StudyError("the processes of the study have ended")
        process, is_whole, is_heard = started.process, False, True
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                said = json.loads(line)
                if "tell" in said:
                    tell(said["tell"])
                    continue
                is_whole = True
                if "cannot_write" in said:
                    raise WriteError(said["cannot_write"])
                return said["found"]
            is_heard = False  # it has nothing more to say
        except BrokenPipeError:
            is_heard = False
        finally:
            if is_whole:
                self._free.put(started)
            else:  # what it says next would be of this order
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0 if is_heard else SOON)
                process.kill()
                process.wait()
                if all(each.process.poll() is not None for each in self._started):
                    self._free.put(None)
        *_, last = ["", *started.said().splitlines()]
        told = f": {last}" if last else ""
        raise StudyError(f"a process of the study has ended, with status {process.wait()}{told}")
