"""The other process of `saving.round_trips`: reads models in it, each after its plugin, and writes their outputs."""

import json
import pathlib

import keras
import numpy as np

import keras_charrnn.layers  # noqa: F401  (registers Recurrent)
from keras_charrnn import registry
from keras_charrnn.errors import describe


def main(path):
    """Do the jobs of a file; write beside it errors.json, a message for each, "" where all went well."""
    registry.cells.names()  # registers the package's own cells
    errors = []
    for job in json.loads(pathlib.Path(path).read_text(encoding="utf-8")):
        try:
            if job["plugin"]:
                registry.load_plugin(job["plugin"])
            model = keras.saving.load_model(job["model"], compile=False)
            np.save(job["outputs"], model(np.load(job["inputs"])))
            errors.append("")
        except Exception as error:  # a cell may raise anything
            errors.append(describe(error))
    pathlib.Path(path).with_name("errors.json").write_text(json.dumps(errors), encoding="utf-8")
