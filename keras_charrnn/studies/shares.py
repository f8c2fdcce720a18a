"""What of a machine each of several processes has that train side by side."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile

import tensorflow as tf

from keras_charrnn.errors import SettingsError

PROGRAM = (sys.executable, "-m", "keras_charrnn")


@dataclasses.dataclass(frozen=True)
class Share:
    """What of the machine a training has.

    Attributes:
        cores: Their numbers.
        gpu: As CUDA_VISIBLE_DEVICES has it; None for none.
    """

    cores: tuple
    gpu: str | None = None

    @contextlib.contextmanager
    def held(self):
        """Within `with`, let a process that this one starts have these cores, on systems that know of such a thing."""
        if not hasattr(os, "sched_setaffinity"):
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cores)  # of this thread alone, which hands them on
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def divide(count):
    """Return the shares of at most `count` trainings that go on at once: all cores, and a GPU each where there are."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = sorted(os.sched_getaffinity(0)) if has_affinity else range(os.cpu_count() or 1)
    number = min(count, gpus or len(cores))
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    return [Share(tuple(cores[i::number]) or tuple(cores), seen[i] if gpus else None) for i in range(number)]


def divide_among(count):
    """Return the shares of `count` processes that train together: its part of the cores for each, or a GPU.

    Raises:
        SettingsError: If there are fewer cores or GPUs.
    """
    shares = divide(count)
    if len(shares) < count:
        what = "cores" if shares[0].gpu is None else "GPUs"
        raise SettingsError(f"{count} workers need as many {what}; there are {len(shares)}")
    return shares


class Started:
    """A process on its share of the machine, in a session of its own: Ctrl-C reaches this one, which passes it on.

    Args:
        command: A list.
        share: A `Share`; None for the whole machine.
        environment: {variable: value}; None for this process's own.
        how: Further arguments of `subprocess.Popen`, which has standard error in a file.

    Attributes:
        process: The `Popen`.
    """

    def __init__(self, command, share=None, environment=None, **how):
        environment = os.environ if environment is None else environment
        gpu = {} if share is None or share.gpu is None else {"CUDA_VISIBLE_DEVICES": share.gpu}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        with contextlib.nullcontext() if share is None else share.held():
            self.process = subprocess.Popen(
                [*map(str, command)], stderr=self._errors, env={**environment, **gpu}, start_new_session=True, **how
            )

    def ask(self, number):
        """Pass a signal on; where there are no sessions, Windows, the system has told the process itself."""
        if hasattr(os, "setsid"):
            self.process.send_signal(number)

    def said(self):
        """Return what the process has said on standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip().removeprefix("keras-charrnn: ")

    def close(self):
        """Let go of that."""
        self._errors.close()
