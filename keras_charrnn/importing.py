"""The import of TensorFlow, quicker."""

import contextlib
import gc
import sys


@contextlib.contextmanager
def uncollected():
    """Do without the garbage collector, which finds nothing in an import and makes that of TensorFlow longer.

    What is there at the end is never looked through again. Does nothing where TensorFlow is imported already.
    """
    if "tensorflow" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if "tensorflow" in sys.modules:
            gc.freeze()
