"""What the tests share. Each starts in an empty folder of its own."""

import fcntl
import gc
import os
import pathlib
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from keras_charrnn.cli.quiet import quiet_tensorflow

with quiet_tensorflow():  # it is imported sooner so
    import keras
import hypothesis
import numpy as np
import pytest
import rich.console
import tensorflow as tf

import keras_charrnn
from keras_charrnn import plugins, registry
from keras_charrnn.recipe.arguments import SINCE
from keras_charrnn.runs import Run
from tests.browser import open_browser
from tests.quick import CASES, LATER

HAS_MUON = tuple(map(int, keras.version().split(".")[:2])) >= SINCE["muon"]
needs_muon = pytest.mark.skipif(not HAS_MUON, reason="this Keras has no Muon that can be used")
TEXT = "the quick brown fox jumps over the lazy dog.\nHow vexingly quick daft zebras jump!\n" * 40


hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)


# How XLA compiles soonest. What emits its loops in TensorFlow 2.21 takes a fifth of all tests' time; earlier
# releases end where they do not know a flag.
QUICK_XLA = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 21):
    QUICK_XLA += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]


def is_thorough(config):
    """Whether the tests that are marked as thorough run too."""
    return not config.getoption("markexpr")


def pytest_configure(config):
    tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU is to multiply as a processor does
    hypothesis.settings.load_profile("thorough" if is_thorough(config) else "quick")
    if not is_thorough(config):  # what makes programs faster takes a third of a tiny training
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        os.environ["XLA_FLAGS"] = " ".join(QUICK_XLA)
        os.fsync = lambda file: None  # no quick test cuts the power; to wait for the disk takes 10 ms a file


@pytest.hookimpl(tryfirst=True)  # before what is marked is left out
def pytest_collection_modifyitems(items):
    cases = {}
    for item in items:
        if item.get_closest_marker("thorough") is not None:
            continue
        if item.originalname in CASES:
            cases.setdefault((item.path, item.originalname), []).append(item)
        elif item.originalname in LATER:
            item.add_marker(pytest.mark.thorough)
    for (_, name), found in cases.items():
        quick = {round(place * len(found) / CASES[name]) for place in range(CASES[name])}
        for place in {*range(len(found))} - quick:
            found[place].add_marker(pytest.mark.thorough)


def pytest_collection_finish():
    gc.collect()
    gc.freeze()  # a million objects that are there to stay, through which it would look again and again


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def registries_as_they_were(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for each in (registry.cells, registry.corpora, registry.samplers, registry.vocabularies):
        each._import_provider()  # the package's own are to stay
        monkeypatch.setattr(each, "_entries", dict(each._entries))
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:  # the next test that names a plugin's file is to find it registered again
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.startswith(plugins.FILE_MODULE) or file.startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def few_plots(request, monkeypatch, once):
    """Leave the plots, the slowest part of a tiny training, to the tests that are marked with `plots`."""
    if request.node.get_closest_marker("plots") is None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)  # an import of it fails, in other processes too
        monkeypatch.setenv("PYTHONPATH", str(once("without_matplotlib", hide_matplotlib)), prepend=os.pathsep)


def hide_matplotlib(folder):
    (folder / "matplotlib.py").write_text("raise ImportError('left to the tests that are marked with plots')\n")


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
def once(tmp_path_factory, worker_id):
    """Return a function that makes a folder once for all tests of all workers.

    `once(name, make)` calls `make(folder)`, unless that folder is there already, and returns the folder, which must
    stay as it is. What `make` does must follow from the name alone.
    """
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent

    def find(name, make):
        folder = base / "once" / name
        folder.parent.mkdir(exist_ok=True)
        with (folder.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "made").exists():
                folder.mkdir()
                make(folder)
                (folder / "made").touch()
        return folder

    return find


@pytest.fixture(scope="session")
def trained(once):
    """Return a run, trained once for all tests, whose folder must stay as it is."""
    return Run.open(once("trained", train_once) / "runs" / "tiny-001")


def train_once(folder, more=(), callbacks=()):
    """Train a run in a folder; `more` are further sections of its recipe."""
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
        **dict(more),
    }
    quiet = rich.console.Console(quiet=True)
    keras_charrnn.fit(recipe, runs_dir=folder / "runs", callbacks=callbacks, console=quiet)


@pytest.fixture(scope="session")
def second(trained, once):
    """Return a run of the same recipe as `trained` with other weights, whose folder must stay as it is."""

    def make(folder):
        shutil.copytree(trained.folder, folder / "tiny-002")
        model = keras_charrnn.load(trained.folder)
        model.set_weights([1.5 * each for each in model.get_weights()])
        model.save(folder / "tiny-002" / "model.keras")

    return Run.open(once("second", make) / "tiny-002")


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
