"""Makes the models that come with the package anew, and writes down what they reach.

    python benchmarks/ready_models.py
    python benchmarks/ready_models.py names python

Each is trained and exported by the two commands that its entry in keras_charrnn/runs/ready/index.json has, for anybody
to repeat; the losses are of the whole validation split, the state carried, of the weights as they are kept, in half
precision, and as they were trained.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shlex
import tempfile

import common

import keras_charrnn
from keras_charrnn.common import ready
from keras_charrnn.runs import RunFolder

# Of each a recipe of the package, and what is laid over it to have at most 3 MB.
MODELS = {
    "shakespeare": ("shakespeare_best", ("model.units=512", "model.ngrams=2")),
    "names": ("names", ("model.ngrams=2",)),
    "python": ("python_source", ("model.units=448", "model.ngrams=1", "training.epochs=4")),
}


def make(name):
    """Make a model; return its entry."""
    recipe, settings = MODELS[name]
    train = ["train", recipe, "--name", name, *(part for each in settings for part in ("--set", each))]
    export = ["export", f"runs/{name}-001", "--format", "half", "--output", f"{name}.keras"]
    with tempfile.TemporaryDirectory() as folder:
        for command in (train, export):
            common.execute(common.ROOT, folder, *command)
        os.chdir(folder)
        run = keras_charrnn.Run.open(f"runs/{name}-001")
        environment = RunFolder(run.folder).read_environment()
        corpus = environment["corpus"]
        if corpus["notes"]:
            raise SystemExit(f"{name}: {corpus['notes'][0]}")
        whole = keras_charrnn.evaluate(run)
        run._model = keras_charrnn.load(f"{name}.keras")
        half = keras_charrnn.evaluate(run)
        data = pathlib.Path(f"{name}.keras").read_bytes()
        os.chdir(common.ROOT)
    (ready.MODELS / f"{name}.keras").write_bytes(data)
    return {
        "corpus": corpus["name"],
        "corpus_sha256": corpus["sha256"],
        "characters": whole.characters,
        "nats_per_character": round(half.nats_per_character, 4),
        "bits_per_character": round(half.bits_per_character, 4),
        "nats_per_character_in_float32": round(whole.nats_per_character, 4),
        "sha256": hashlib.sha256(data).hexdigest(),
        "commands": [f"keras-charrnn {shlex.join(each)}" for each in (train, export)],
    }


def main(names):
    index = ready.MODELS / "index.json"
    entries, rows = dict(ready.models()), []
    for name in names:
        entries[name] = found = make(name)
        index.write_text(json.dumps({each: entries[each] for each in MODELS if each in entries}, indent=2) + "\n")
        size = (ready.MODELS / f"{name}.keras").stat().st_size / 1e6
        rows.append(
            (name, f"{found['nats_per_character_in_float32']}", f"{found['nats_per_character']}", f"{size:.2f}")
        )
    common.table("Models of the package, nats per character", ("model", "float32", "half precision", "MB"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(MODELS)}")
    options = parser.parse_args()
    main(options.names or [*MODELS])
