"""Packages that only an extra of this one brings."""

import importlib

from keras_charrnn.errors import ExtraError


def require(module, need, extra):
    """Import a module that an extra brings, and return it.

    Args:
        module: Its name, as in "matplotlib.figure".
        need: Who needs it, as the message begins: "plots need Matplotlib; install it with".
        extra: The name of the extra.

    Raises:
        ExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ExtraError(f'{need}: pip install "keras-charrnn[{extra}]"') from error
