"""Makes the models that come with the package anew, and writes down what they reach.

    python benchmarks/ready_models.py
    python benchmarks/ready_models.py names python --folder FOLDER

Each is trained and exported by the commands that its entry in keras_charrnn/runs/ready/index.json has, for anybody to
repeat: first its teacher, the recipe as it stands, whose many n-grams would make a large file, then the model itself.
The losses are of the whole validation split, the state carried, of the weights as they are kept, in half precision, and
as they were trained. With --folder the runs stay there, and those that are there already are not trained again.
"""

import argparse
import hashlib
import json
import pathlib
import shlex
import tempfile

import common

import keras_charrnn
from keras_charrnn.common import ready
from keras_charrnn.runs import RunFolder

# Of each a recipe of the package, by which it is taught, and what is laid over that to have at most 3 MB.
MODELS = {
    "shakespeare": ("shakespeare_best", ("model.units=512", "model.ngrams=2")),
    "names": ("names", ("model.ngrams=2", "training.epochs=12")),
    "python": ("python_source", ("model.units=448", "model.ngrams=1", "training.epochs=4")),
}


def make(name, folder):
    """Make a model, with its runs in a folder; return its entry."""
    (recipe, settings), teacher = MODELS[name], f"{name}_teacher"
    settings = [*settings, f"teacher.from=runs/{teacher}-001"]
    commands = {
        f"runs/{teacher}-001": ["train", recipe, "--name", teacher],
        f"runs/{name}-001": ["train", recipe, "--name", name, *(part for each in settings for part in ("--set", each))],
        f"{name}.keras": ["export", f"runs/{name}-001", "--format", "half", "--output", f"{name}.keras"],
    }
    for made, command in commands.items():
        if not (folder / made).exists():
            common.execute(common.ROOT, folder, *command)
    run = keras_charrnn.Run.open(folder / "runs" / f"{name}-001")
    corpus = RunFolder(run.folder).read_environment()["corpus"]
    if corpus["notes"]:
        raise SystemExit(f"{name}: {corpus['notes'][0]}")
    whole = keras_charrnn.evaluate(run)
    run._model = keras_charrnn.load(folder / f"{name}.keras")
    half = keras_charrnn.evaluate(run)
    data = (folder / f"{name}.keras").read_bytes()
    (ready.MODELS / f"{name}.keras").write_bytes(data)
    return {
        "corpus": corpus["name"],
        "corpus_sha256": corpus["sha256"],
        "characters": whole.characters,
        "nats_per_character": round(half.nats_per_character, 4),
        "bits_per_character": round(half.bits_per_character, 4),
        "nats_per_character_in_float32": round(whole.nats_per_character, 4),
        "sha256": hashlib.sha256(data).hexdigest(),
        "commands": [f"keras-charrnn {shlex.join(each)}" for each in commands.values()],
    }


def main(names, folder):
    index = ready.MODELS / "index.json"
    entries, rows = dict(ready.models()), []
    for name in names:
        entries[name] = found = make(name, folder)
        index.write_text(json.dumps({each: entries[each] for each in MODELS if each in entries}, indent=2) + "\n")
        size = (ready.MODELS / f"{name}.keras").stat().st_size / 1e6
        rows.append(
            (name, f"{found['nats_per_character_in_float32']}", f"{found['nats_per_character']}", f"{size:.2f}")
        )
    common.table("Models of the package, nats per character", ("model", "float32", "half precision", "MB"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(MODELS)}")
    parser.add_argument("--folder", type=pathlib.Path, help="where the runs are, and stay; without it they are gone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(options.names or [*MODELS], (options.folder or pathlib.Path(temporary)).resolve())
