"""What the contenders with TensorFlow share: its import, made quickly, and their figures."""

import json
import pathlib
import resource

from common import CONTENDER

from keras_charrnn.common.importing import uncollected

with uncollected():
    import keras  # noqa: F401


def report(**figures):
    """Print a contender's figures for `common.run` to read."""
    print(CONTENDER + json.dumps(figures), flush=True)


def megabytes(peak=True):
    """Return the process's memory, now or at its peak."""
    if peak:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
