"""What the tests share. Each starts in an empty folder of its own."""

import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from keras_charrnn.cli.quiet import quiet_tensorflow

with quiet_tensorflow():  # it is imported sooner so
    import keras
import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn import plugins, registry
from tests.browser import open_browser

TEXT = "the quick brown fox jumps over the lazy dog.\nHow vexingly quick daft zebras jump!\n" * 40


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def registries_as_they_were(monkeypatch):
    for each in (registry.cells, registry.corpora):
        each.names()  # imports the package's own, which are to stay
        monkeypatch.setattr(each, "_entries", dict(each._entries))
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:  # the next test that names a plugin's file is to find it registered again
        if name.startswith(plugins.FILE_MODULE):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def few_plots(request, monkeypatch):
    """Leave the plots, the slowest part of a tiny training, to the tests that are marked with `plots`."""
    if request.node.get_closest_marker("plots") is None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)  # an import of it fails


@pytest.fixture
def float64():
    """Have Keras make its weights in float64."""
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def make_model():
    """Return a function that makes a small model, every setting of which can be given."""

    def make(text=TEXT, **settings):
        return keras_charrnn.CharRNN(
            keras_charrnn.Vocabulary(text), **{"cell": "gru", "units": 12, "embedding": 6, **settings}
        )

    return make


def tiny_recipe(folder):
    """Return a recipe, as a mapping, that trains in a second on a text in the folder, and writes none."""
    (folder / "text.txt").write_text(TEXT)
    return {
        "name": "tiny",
        "corpus": {"path": str(folder / "text.txt")},
        "windows": {"batch_size": 4, "length": 8},
        "model": {"cell": "gru", "units": 8, "embedding": 4},
        "training": {"epochs": 2, "optimizer": {"name": "adam", "learning_rate": 0.01}, "clip_norm": 1.0},
        "samples": {"every_epochs": 0, "prefix": "the ", "length": 20, "temperatures": [0, 1.0]},
        "compute": {"precision": "float32", "replicas": 1},
    }


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Return a run, trained once for all tests, whose folder must stay as it is."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_text(TEXT)
    recipe = {
        "name": "tiny",
        "corpus": {"path": str(folder / "text.txt")},
        "split": {"train": 0.7, "validation": 0.2, "test": 0.1},
        "windows": {"batch_size": 4, "length": 8},
        "model": {"units": 8, "embedding": 4},
        "training": {"epochs": 2},
        "samples": {"every_epochs": 0},
        "compute": {"precision": "float32", "replicas": 1},
    }
    return keras_charrnn.fit(recipe, runs_dir=folder / "runs", console=rich.console.Console(quiet=True))


@pytest.fixture
def console():
    """A console that shows nothing; what was printed is in `export_text()`."""
    with pathlib.Path(os.devnull).open("w") as file:
        yield rich.console.Console(file=file, record=True, width=200)


@pytest.fixture
def tiny(tmp_path):
    return tiny_recipe(tmp_path)


@pytest.fixture
def shakespeare():
    """Skip the test where the corpus tiny_shakespeare is not on this machine: no test needs a network."""
    folders = os.environ.get("KERAS_CHARRNN_CORPORA", "").split(os.pathsep)
    if not any(os.path.isfile(os.path.join(folder, "tinyshakespeare.txt")) for folder in folders):  # noqa: PTH113, PTH118
        pytest.skip("the environment variable KERAS_CHARRNN_CORPORA names no folder with tinyshakespeare.txt")


@pytest.fixture(scope="session")
def browser():
    """Return a `Browser`; skip the test where there is no Chromium."""
    with open_browser() as each:
        yield each
