"""The processes of a training by several workers: started and ended together, and again when one is lost."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

from keras_charrnn.common.screen import Screen, say
from keras_charrnn.common.signals import HeldSignals, ending
from keras_charrnn.errors import CharRNNError, SettingsError, WorkerError
from keras_charrnn.studies.shares import PROGRAM, Started, divide_among
from keras_charrnn.training.workers import Group

PAUSE = 0.1  # seconds between two looks at the processes
SOON = 3  # and once the chief has come to its end
GRACE = 15  # seconds for the others to end by themselves, once one has


def launch(folder, first, again, follow, workers=None, restarts=0, console=None):
    """Train with several processes on this machine, or with the one that a group's environment has here.

    One is the chief, which shows what it does and writes the run. When a worker is lost, all are started again, from
    the newest checkpoint.

    Args:
        folder: The run's `RunFolder`; None in a worker besides the chief.
        first, again, follow: Arguments of the program, lists: of the chief, to begin with and to go on; of the others.
        workers: How many to start here; None for this one's part of a group that the environment tells of.
        restarts: How often to start again, at most.
        console: A `rich.console.Console`; None for standard output.

    Raises:
        SettingsError: If there are not so many cores, or GPUs; or a number is out of its range.
        WorkerError: If a worker was lost once more often.
        CharRNNError: With the message of the worker that failed otherwise.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM or SIGHUP, when a checkpoint is written.
    """
    console = console or Screen(lasting=True)
    try:
        for name, value, least in (("workers", workers, 1), ("restarts", restarts, 0)):
            if value is not None and value < least:
                raise SettingsError(f"{name} must be {least} or more; received {value}")
        shares = [None] if workers is None else divide_among(workers)
        if not is_chief(workers):
            first = again = follow
        for attempt in range(restarts + 1):
            written = folder.checkpoints.paths() if folder else []
            chief = again if attempt and written else first
            if folder and attempt and chief is first is not again:  # before its first checkpoint
                shutil.rmtree(folder.path)
                folder.path.mkdir()
            try:
                _Crew(shares, chief, follow).run(console)
                return
            except WorkerError as error:
                if attempt == restarts:
                    raise
                newest = folder.checkpoints.paths() if folder else []
                place = f"from {newest[0].name}" if newest else "where the chief begins"
                say(console, f"{error}\nstarting all again, {place} (restart {attempt + 1} of {restarts})")
    except CharRNNError:
        if folder is not None:
            with contextlib.suppress(OSError):  # it is empty where nothing began
                folder.path.rmdir()
        raise


def is_chief(workers):
    """Whether the chief is started here: with `workers` as `launch` takes them."""
    group = Group.of() if workers is None else None
    return group is None or group.rank == 0


class _Crew:
    """The processes of one try."""

    def __init__(self, shares, chief, follow):
        self._shares, self._chief, self._follow, self._started = shares, chief, follow, []

    @property
    def _processes(self):
        return [each.process for each in self._started]

    def run(self, console):
        with HeldSignals(*ending()) as signals:
            try:
                self._start()
                asked = False
                while not self._has_ended():
                    time.sleep(PAUSE)
                    if signals.received is not None and not asked:
                        self._started[0].ask(signals.received)  # the chief, which tells the others
                        asked = True
            finally:
                self._end()
            signals.check()
        self._conclude()

    def _start(self):
        several = self._shares != [None]
        group = {}
        if several:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(len(self._shares))}
        kept = {k: v for k, v in os.environ.items() if not several or k not in ("TF_CONFIG", "SLURM_PROCID")}
        for rank, share in enumerate(self._shares):
            own = {"RANK": str(rank), **group} if several else {}
            arguments, shown = (self._follow, subprocess.DEVNULL) if rank else (self._chief, None)
            how = {"stdin": subprocess.DEVNULL, "stdout": shown}
            self._started.append(Started([*PROGRAM, *arguments], share, {**kept, **own}, **how))

    def _has_ended(self):
        """Whether the chief has ended, with whom all end, or one of the others with a failure."""
        chief, *others = [each.poll() for each in self._processes]
        return chief is not None or any(others)

    def _end(self):
        """Wait for the others to end by themselves, where they know of it; then end them."""
        until = time.monotonic() + (GRACE if self._processes[0].poll() != 0 else SOON)
        try:
            while any(each.poll() is None for each in self._processes) and time.monotonic() < until:
                time.sleep(PAUSE)
        finally:  # of a further Ctrl-C too
            for each in self._processes:
                if each.poll() is None:
                    each.kill()
        self._statuses = [each.wait() for each in self._processes]
        self._said = [each.said() for each in self._started]
        for each in self._started:
            each.close()

    def _conclude(self):
        """Raise what the end of the processes means; where the chief has come to its end, all is done."""
        if self._statuses[0] == 0:
            if self._said[0]:
                say(Screen(stderr=True), self._said[0])
            return
        lost = [
            f"worker {rank} was ended by {_name(-status)}" for rank, status in enumerate(self._statuses) if status < 0
        ]
        for status, said in zip(self._statuses, self._said, strict=True):
            if status > 0 and status != WorkerError.exit_status:
                error = CharRNNError(said or f"a worker ended with status {status}")
                error.exit_status = status
                raise error
        raise WorkerError("; ".join(lost) or next(each for each in self._said if each))


def _name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
