"""A run: its folder, its checkpoints, its figures."""

from keras_charrnn.runs.folder import Run, RunFolder, load

__all__ = ["Run", "RunFolder", "load"]
