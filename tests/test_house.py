"""The house: data flows one way, files are short, public names are found, and the package is quick to import."""

import ast
import importlib
import pathlib
import subprocess
import sys

import pytest

import keras_charrnn

PACKAGE = pathlib.Path(keras_charrnn.__file__).parent
# From the ground floor up: a room imports only from those before it. (`registry` and `plugins` are rooms of one file.)
ROOMS = [
    "errors",
    "common",
    "plugins",
    "registry",
    "engine",
    "recipe",
    "text",
    "cells",
    "layers",
    "model",
    "testing",
    "runs",
    "views",
    "training",
    "studies",
    "cli",
]
LONGEST = 300  # lines of a file


def module_of(path):
    return ".".join(("keras_charrnn", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
PUBLIC = [name for name in keras_charrnn.__all__ if name in keras_charrnn._MODULES]
EARLIER = [*keras_charrnn._MODULES, *keras_charrnn._EARLIER]


def room_of(module):
    return module.split(".")[1] if "." in module else None


def imports(module):
    """Return the modules of the package that a module imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "keras_charrnn":
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names if each.name.partition(".")[0] == "keras_charrnn"}
    assert found <= set(MODULES)  # by their places in the house, not by their public names
    return found - {module}


def test_every_room_is_in_the_order():
    assert {room_of(module) for module in MODULES} - {None, "__main__"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_before_it(room):
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    inside = [module for module in MODULES if room_of(module) == room]
    assert {(one, other) for one in inside for other in imports(one) if room_of(other) in later} == set()


def test_no_modules_import_one_another():
    """Taking away what imports nothing that is left takes everything away, unless there is a circle."""
    left = {module: imports(module) for module in MODULES}
    while free := {module for module, needed in left.items() if not needed & set(left)}:
        left = {module: needed for module, needed in left.items() if module not in free}
    assert left == {}


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_long(module):
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST


def test_the_top_has_few_names():
    assert len([each for each in PACKAGE.iterdir() if each.name != "__pycache__"]) <= 18


@pytest.mark.parametrize("command", ["import keras_charrnn", "from keras_charrnn.cli import main; main(['corpora'])"])
def test_importing_the_package_and_the_program_needs_no_tensorflow(command):
    code = f"import sys\n{command}\nassert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", keras_charrnn.__all__)
def test_a_public_name_is_there_and_documented(name):
    namespace = {}
    exec(f"from keras_charrnn import {name}", namespace)
    assert namespace[name] is getattr(keras_charrnn, name)
    assert namespace[name].__doc__
    assert name in dir(keras_charrnn)


@pytest.mark.parametrize("name", EARLIER)
def test_a_module_is_imported_by_its_public_name(name):
    """Whatever room it is in, it is the same module, and so are those in it and what they define."""
    home = {**keras_charrnn._MODULES, **keras_charrnn._EARLIER}[name]
    namespace = {}
    exec(f"import keras_charrnn.{name} as module", namespace)
    module = importlib.import_module(f"keras_charrnn.{home}")
    assert namespace["module"] is module is sys.modules[f"keras_charrnn.{name}"]
    assert module.__spec__.name == module.__name__ == f"keras_charrnn.{home}"
    public = getattr(module, "__all__", [each for each in vars(module) if not each.startswith("_")])
    before = {each: getattr(module, each) for each in public}
    for each in public:
        exec(f"from keras_charrnn.{name} import {each}", namespace)
        assert namespace[each] is before[each]
    for path in (PACKAGE / home.replace(".", "/")).glob("[a-z]*.py"):
        inner = importlib.import_module(f"keras_charrnn.{name}.{path.stem}")
        assert inner is importlib.import_module(f"keras_charrnn.{home}.{path.stem}")
    assert before == {each: getattr(module, each) for each in public}  # a function may have a module's name


def test_public_names_are_found_in_a_fresh_process_which_imports_tensorflow_quickly():
    """Without the garbage collector, which is there again afterwards, with less to look through."""
    code = "\n".join(
        (
            "import gc, sys, keras_charrnn",
            "keras_charrnn.linear_recurrence",  # the first name that needs TensorFlow
            "assert gc.isenabled() and gc.get_freeze_count() > 100_000",
            "assert not {'keras_charrnn.training', 'keras_charrnn.text'} & set(sys.modules)",
            "import keras_charrnn.callbacks, keras_charrnn.windows",
            "from keras_charrnn.callbacks import Samples",
            "from keras_charrnn.corpora.text import Text",
            "import keras_charrnn",
            "assert keras_charrnn.callbacks.Samples is Samples and keras_charrnn.corpora.Text is Text",
        )
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("import keras_charrnn.windowz", ImportError, r"'keras_charrnn' has no 'windowz', did you mean 'windows'\?"),
        ("from keras_charrnn import CharRnn", ImportError, r"has no 'CharRnn', did you mean 'CharRNN'\?"),
        (
            "from keras_charrnn.callbacks import Sample",
            ImportError,
            r"no 'Sample', did you mean 'Samples'",
        ),
        ("keras_charrnn.callback", AttributeError, r"has no attribute 'callback', did you mean 'callbacks'\?"),
        ("keras_charrnn.nonsense", AttributeError, "has no attribute 'nonsense'$"),
        ("import keras_charrnn.nonsense", ImportError, "No module named 'keras_charrnn.nonsense'"),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(command, error, message):
    with pytest.raises(error, match=message):
        exec(command, {"keras_charrnn": keras_charrnn})
