"""A model as one HTML file, which writes in any browser and asks no network for anything."""

import base64
import json
import pathlib

import numpy as np

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.contract import state_names
from keras_charrnn.model.export import wasm
from keras_charrnn.model.export.javascript import to_javascript
from keras_charrnn.model.generation import Generator
from keras_charrnn.model.page import page_of, read_asset
from keras_charrnn.text.vocabularies.base import DOCUMENT, REPLACEMENT

LEAST = 64  # numbers of a weight for which int8 pays
MOST = 127
PRECISIONS = ("int8", "float32")
UNITS = ("character", "byte")  # of text, which a page can read


def write_html(model, path, title, precision="int8"):
    """Write the file.

    Args:
        model: A `CharRNN`.
        path: Of the file.
        title: Of the page, plain text.
        precision: Of the weights: "int8", with a scale for each row or column, or "float32".

    Raises:
        SettingsError: If the model is of another unit than characters or bytes, or an operation of it has no
            counterpart in JavaScript.
    """
    if model.vocabulary.unit not in UNITS:
        raise SettingsError(
            f"html: the page reads text in units of {' or '.join(UNITS)}; this model's unit is {model.vocabulary.unit}"
        )
    program = to_javascript(model)
    stored = [_stored(each, precision) for each in program.weights]
    data = {
        "title": title,
        "symbols": list(model.vocabulary.symbols),
        "unknown": REPLACEMENT if model.vocabulary.unknown == "replace" else None,
        "drops": model.vocabulary.unknown == "drop",
        "marked": model.fresh_at == DOCUMENT,
        "isBytes": model.vocabulary.unit == "byte",
        "first": int(Generator(model).ids_of("")[0]),
        "initial": [each.reshape(-1).tolist() for each in program.initial],
        "states": _names_of_states(model),
        "bytes": program.bytes,
        "weights": [each for each, _ in stored],
        "wasm": base64.b64encode(wasm.module()).decode(),
    }
    scripts = [
        f"const DATA = {_json(data)};",
        f"const STEP = {program.source};",
        read_asset("model.js"),
        read_asset("local.js"),
    ]
    pathlib.Path(path).write_text(page_of(title, "\n".join(scripts)), encoding="utf-8")


def cost_of(model, precision, text):
    """Return the losses of a model and of what stands in the page, in nats per character of a text.

    Raises:
        SettingsError, VocabularyError: As `score`.
    """
    before, kept = _nats(model, text), model.get_weights()
    try:
        model.set_weights([_stored(each, precision)[1] for each in kept])
        return before, _nats(model, text)
    finally:
        model.set_weights(kept)


def _nats(model, text):
    return model.score(text).nats_per_character


def _names_of_states(model):
    layers = enumerate(model.recurrent, start=1)
    names = [f"{number}.{name}" for number, layer in layers for name in state_names(layer)]
    return names if model.ngrams is None else [None, *names]


def _stored(weight, precision):
    """Return a weight as the page has it, and its value there."""
    value = np.asarray(weight, np.float32)
    record = {"size": int(value.size)}
    if precision == "float32" or value.ndim < 2 or value.size < LEAST or not value.any():
        return {**record, "data": base64.b64encode(value.tobytes()).decode()}, value
    matrix = value.reshape(-1, value.shape[-1])
    best = min((_quantized(matrix, axis) for axis in (0, 1)), key=lambda found: np.square(found[3] - matrix).sum())
    axis, whole, scales, found = best
    return {
        **record,
        "rows": matrix.shape[0],
        "columns": matrix.shape[1],
        "axis": axis,
        "scales": base64.b64encode(scales.astype(np.float32).tobytes()).decode(),
        "data": base64.b64encode(whole.tobytes()).decode(),
    }, found.reshape(value.shape)


def _quantized(matrix, axis):
    """Return (axis, int8, scales, values): with a scale for each column, axis 0, or each row, axis 1."""
    scales = (np.abs(matrix).max(axis, keepdims=True) / MOST).astype(np.float32)
    scales = np.where(scales == 0, np.float32(1), scales)
    whole = np.rint(matrix / scales).astype(np.int8)
    return axis, whole, scales, (whole * scales).astype(np.float32)


def _json(data):
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # no symbol may end the script
