"""TensorFlow's start: without its messages, which it writes below Python, before any setting of its own holds."""

import contextlib
import os
import signal
import sys

from keras_charrnn.common.importing import uncollected

STARTING = b"starting TensorFlow ..."
ERASE = b"\r" + b" " * len(STARTING) + b"\r"  # on any terminal; not all know escape sequences
DONE, FAILED = b"\0done", b"\0failed"  # how the block ended; without either the process did
LAST_WORDS = b"keras-charrnn: the program ended while TensorFlow was imported%s\n"


@contextlib.contextmanager
def quiet_tensorflow(debug=False):
    """Import TensorFlow, and what the block imports, without messages; if it fails, show them after all.

    So they are if TensorFlow ends the process, as it does on a processor without the instructions that it needs.

    Args:
        debug: Whether to show them as they come.
    """
    shown = debug or sys.stderr is None or "tensorflow" in sys.modules or not hasattr(os, "fork")
    with uncollected(), contextlib.nullcontext() if shown else _unseen():
        yield


@contextlib.contextmanager
def _unseen():
    """Have another process keep what is written on standard error, and show it unless the block comes to its end."""
    sys.stderr.flush()
    kept, waiting = os.dup(2), os.isatty(2)  # for seconds
    if waiting:
        os.write(2, STARTING + b"\r")
    reading, writing = os.pipe()
    keeper = os.fork()
    if not keeper:
        os.close(writing)
        _keep(reading, kept, waiting)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    ending = FAILED
    try:
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        yield
        ending = DONE
    except KeyboardInterrupt:  # no failure of TensorFlow's
        ending = DONE
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):  # somebody has ended the other process
            os.write(2, ending)
        os.dup2(kept, 2)
        os.close(kept)
        os.waitpid(keeper, 0)


def _keep(reading, screen, waiting):
    """Read messages to their end, and show them unless they end with `DONE`; then end this process."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other one, which says how it ends
        messages = b""
        while not messages.endswith((DONE, FAILED)) and (data := os.read(reading, 65536)):
            messages += data
        if waiting:
            os.write(screen, ERASE)
        if messages.endswith(FAILED):
            os.write(screen, messages.removesuffix(FAILED))
        elif not messages.endswith(DONE):
            os.write(screen, LAST_WORDS % (b"; its last words:" if messages else b", without a word") + messages)
    finally:
        os._exit(0)
