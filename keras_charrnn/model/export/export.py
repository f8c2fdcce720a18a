"""A model written for another program."""

import contextlib
import functools
import io
import json
import logging
import shutil
import tempfile
import warnings

import numpy as np

from keras_charrnn.common.extras import require
from keras_charrnn.common.files import user_path, write_text, write_whole
from keras_charrnn.errors import SettingsError, WriteError
from keras_charrnn.model.export.half import write_half
from keras_charrnn.model.export.html import PRECISIONS, cost_of, write_html
from keras_charrnn.model.export.step import StepModel
from keras_charrnn.model.export.weights import require_safetensors, to_torch

# Of each format: what its file ends in, and the modules that must be there.
FORMATS = {
    "saved_model": ("", ()),
    "onnx": (".onnx", ("tf2onnx", "onnx")),
    "litert": (".tflite", ()),
    "weights": (".npz", ()),
    "torch": (".npz", ()),
    "half": (".keras", ()),
    "html": (".html", ()),
}


def export(model, path, format="saved_model", precision=None, text=None):
    """Write a model for another program, and beside it PATH's stem with .json: all that the program must know.

    saved_model (a folder), onnx and litert hold the single step, for any number of rows: "ids" (B,) int32 and a float32
    (B, width) for each state, by name, to "logits" (B, V) and the new states, "next_" before each name. weights and
    torch hold arrays, in a .npz or .safetensors file: all of the model by their paths in it, or those of a PyTorch
    state dictionary (`to_torch`). half is the model's own file at half the size: see `half.write_half`.
    The .json has the symbols in the order of their ids, what to do with an unknown character, whether the states start
    anew at each line end (the single step does that itself), and of each state its name, width and initial value.

    Args:
        model: A `CharRNN`.
        path: Of the file, which must end in what the format's files end in.
        format: "saved_model", "onnx", "litert", "weights", "torch", "half" or "html".
        precision: Of the weights in html: "int8", the default, or "float32".
        text: A str on which to measure what int8 costs; None for nothing.

    Returns:
        The path; with a text, the path and what `html.cost_of` returns.

    Raises:
        SettingsError: If there is no such format, the path's ending is another's, or PyTorch has no such model.
        ExtraError: If a package for the format is missing; it names the extra.
        WriteError: If it cannot be written, or there is something else in the place of the folder or of the .json.
    """
    path = user_path(path)
    if format not in FORMATS:
        raise SettingsError(f"format must be one of {', '.join(FORMATS)}; received {format!r}")
    ending, needed = FORMATS[format]
    if precision is not None and (format != "html" or precision not in PRECISIONS):
        raise SettingsError(
            f"precision is of the weights in html, {' or '.join(PRECISIONS)}; received {precision!r} for {format}"
        )
    endings = (ending, ".safetensors") if ending == ".npz" else (ending,)
    if path.suffix not in endings:
        raise SettingsError(f"{format} is written to a path that ends in {' or '.join(endings) or 'no suffix'}; "
                            f"received {path}")  # fmt: skip
    for module in needed:
        require(module, f"the format {format} needs", format)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{path.parent} cannot be made: {error.strerror}") from error
    if format == "html":
        write = functools.partial(write_html, model, title=path.stem, precision=precision or "int8")
        write_whole(path, write)
        return path if text is None else (path, cost_of(model, precision or "int8", text))
    description = path.with_suffix(".json")
    _require_description(description)
    if format in ("weights", "torch"):
        arrays = to_torch(model) if format == "torch" else {each.path: np.asarray(each) for each in model.weights}
        write_whole(path, functools.partial(_write_arrays, arrays=arrays))
        states = {}
    elif format == "half":
        write_whole(path, functools.partial(write_half, model))
        states = {}
    else:
        step = StepModel(model)
        states = {name: np.asarray(value)[0] for name, value in step.initial.items()}
        if format == "saved_model":
            _write_folder(path, functools.partial(_export, step, format="tf_saved_model"))
        else:
            write_whole(path, functools.partial(_export_litert if format == "litert" else _export, step))
    write_text(description, json.dumps(_describe(model, states), ensure_ascii=False, indent=1) + "\n")
    return path


def _require_description(path):
    """Raise a WriteError if there is a file that no export has written."""
    if not path.exists():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not (isinstance(found, dict) and {"symbols", "states"} <= found.keys()):
        raise WriteError(f"{path}, where the symbols are to be written, is there and is not of an export; "
                         "choose another path")  # fmt: skip


def _describe(model, states):
    return {
        "unit": model.vocabulary.unit,
        "symbols": model.vocabulary.symbols,
        "unknown": model.vocabulary.unknown,
        "fresh_lines": model.fresh_lines,
        "fresh_at": model.fresh_at,
        "states": {name: {"width": len(value), "initial": value.tolist()} for name, value in states.items()},
    }


def _export(step, path, format="onnx"):
    """Have Keras write the step."""
    with _quiet():
        step.export(str(path), format=format, input_signature=[step.signature], verbose=False)


def _export_litert(step, path):
    """Have TensorFlow convert what Keras writes: of the releases of Keras that are allowed, not all can do it."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        _export(step, folder, "tf_saved_model")
        with _quiet():
            path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


@contextlib.contextmanager
def _quiet():
    """Run the block without Keras's and the converters' chatter."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # NumPy's, of Keras's own patch of tf2onnx
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _write_arrays(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        require_safetensors().numpy.save_file(arrays, path)


def _write_folder(path, write):
    """Have `write(temporary)` make a folder, and put it in the place of a SavedModel or of nothing.

    Raises:
        WriteError: If it cannot be written, or something else is there.
    """
    temporary = path.with_name(f".new-{path.name}")
    if path.exists() and not (path / "saved_model.pb").is_file():
        raise WriteError(f"{path} is there and no SavedModel; choose another path")
    try:
        write(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
