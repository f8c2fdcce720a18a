"""One `.keras` file with weights, architecture and vocabulary; anybody's, so that it is looked at before it is read."""

import json
import zipfile

import keras

from keras_charrnn.common.files import user_path
from keras_charrnn.common.keras_settings import require_float32
from keras_charrnn.engine.compute import require_eager
from keras_charrnn.errors import RegistryError, RunError
from keras_charrnn.layers.ngrams import NAMES, rows_of
from keras_charrnn.model.char_rnn import CharRNN
from keras_charrnn.recipe.starting import MAX_CONFIG

MAX_EXPANSION = 100  # times the file's own size; Keras compresses nothing
LEAST_WEIGHT = 2  # bytes: see `export.half`
LEAST_LAYER = 100  # bytes that any layer takes in the file


def load_model(path):
    """Read a model that `CharRNN.save` wrote.

    Raises:
        RunError: If there is no such file, it is damaged, or it holds something else.
        RegistryError: If its cell is registered by a plugin that was not imported; the message names the plugin.
        SettingsError: If Keras or TensorFlow is set to something with which no model works.
    """
    require_float32()
    require_eager()
    path = user_path(path)
    if not path.is_file():
        raise RunError(f"there is no model file {path}")
    try:
        _look_at(path, CharRNN)
        # Safe mode, its default: no Python code in the file is run.
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (RegistryError, RunError):
        raise
    except zipfile.BadZipFile as error:
        raise RunError(f"{path} is no .keras file, or a damaged one: {error}") from error
    except Exception as error:  # Keras raises many kinds for a file that is not its own
        raise RunError(f"{path} cannot be read as a model: {type(error).__name__}: {error}") from error
    return model


def _look_at(path, accepted):
    """Refuse a file with a changed byte, or what would take far more memory than the file's size, or another class."""
    with zipfile.ZipFile(path) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}
        if sum(sizes.values()) > MAX_EXPANSION * path.stat().st_size or sizes["config.json"] > MAX_CONFIG:
            raise RunError(f"{path} is too large when unpacked: {sum(sizes.values()):,} bytes")
        if (name := archive.testzip()) is not None:  # Keras skips the checksums of what it reads in pieces
            raise RunError(f"{path} is damaged: {name} in it is not what its checksum says")
        config = json.loads(archive.read("config.json"))
    held = keras.saving.get_registered_object(config["registered_name"])
    if not (isinstance(held, type) and issubclass(held, accepted)):
        name = config["registered_name"] or config["class_name"]
        raise RunError(f"{path} holds a {name}, not a {accepted.__name__}")
    settings = config["config"]
    vocabulary, units, layers = settings["vocabulary"], settings["units"], settings["layers"]
    symbols = len(vocabulary.get("symbols", "")) + len(vocabulary.get("added", ""))  # a plugin may have none
    head = 0 if settings["tie_embedding"] else units  # a tied one is the embedding
    embedding = 0 if settings["embedding"] == "one_hot" else settings["embedding"]
    rows = symbols + sum(rows_of(count, symbols) for count in NAMES if count <= settings.get("ngrams", 1))
    if LEAST_WEIGHT * (symbols * head + rows * embedding) + LEAST_LAYER * layers > sum(sizes.values()):
        raise RunError(f"{path} is no model: {layers:,} layers of {units:,} units have more weights than it holds")
