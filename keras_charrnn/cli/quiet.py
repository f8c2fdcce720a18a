"""TensorFlow's start: without its messages, which it writes below Python, before any setting of its own holds."""

import contextlib
import os
import sys
import tempfile

from keras_charrnn.common.importing import uncollected

ERASE = b"\r\x1b[K"  # the line, on a terminal


@contextlib.contextmanager
def quiet_tensorflow(debug=False):
    """Import TensorFlow, and what the block imports, without messages; if it fails, show them after all.

    Args:
        debug: Whether to show them as they come.
    """
    with uncollected(), contextlib.nullcontext() if debug else _unseen():
        yield


@contextlib.contextmanager
def _unseen():
    """Keep what is written on standard error, TensorFlow's import included, and show it if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    waiting = "tensorflow" not in sys.modules and os.isatty(2)  # for seconds
    if waiting:
        os.write(2, b"starting TensorFlow \xe2\x80\xa6\r")
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        failed = True
        try:
            import tensorflow as tf

            tf.get_logger().setLevel("ERROR")
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if waiting:
                os.write(2, ERASE)
            if failed:
                messages.seek(0)
                sys.stderr.buffer.write(messages.read())
