"""Messages of TensorFlow's own."""

import re

import tensorflow as tf

_LINE = re.compile(r"(?:WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} \d{2}:\d{2}).*\r?\n")


def without_tensorflow(text):
    """Return what was written without the lines with which XLA starts.

    From TensorFlow 2.21 on there are none, and nothing is left out; no setting of earlier releases holds them back.
    """
    if tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 21):
        return text
    return _LINE.sub("", text)
