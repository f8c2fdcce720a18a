"""A run: its folder, its checkpoints, its figures."""

from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.run import Run, load

__all__ = ["Run", "RunFolder", "load"]
