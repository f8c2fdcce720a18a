"""One `.keras` file with weights, architecture and vocabulary."""

import pathlib
import zipfile

import keras

from keras_charrnn.errors import CharRNNError, RunError


def load_model(path):
    """Read a model that `CharRNN.save` wrote.

    Raises:
        RunError: If there is no such file, it is damaged, or it holds something else.
        RegistryError: If its cell is registered by a plugin that was not imported; the message names the plugin.
    """
    from keras_charrnn.model.char_rnn import CharRNN

    path = pathlib.Path(path)
    if not path.is_file():
        raise RunError(f"there is no model file {path}")
    if not zipfile.is_zipfile(path):
        raise RunError(f"{path} is no .keras file, or a damaged one")
    try:
        model = keras.saving.load_model(path, compile=False)
    except CharRNNError:
        raise
    except Exception as error:  # Keras raises many kinds for a file that is not its own
        raise RunError(f"{path} cannot be read as a model: {type(error).__name__}: {error}") from error
    if not isinstance(model, CharRNN):
        raise RunError(f"{path} holds a {type(model).__name__}, not a CharRNN")
    return model
