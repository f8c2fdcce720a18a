"""The command line: one command a file, each thin."""

from keras_charrnn.cli.main import main

__all__ = ["main"]
