"""The house: data flows one way, and the package is quick to import."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_charrnn

PACKAGE = pathlib.Path(keras_charrnn.__file__).parent
# Each part may import those above it.
ORDER = [
    "importing",
    "errors",
    "extras",
    "signals",
    "files",
    "progress",
    "plugins",
    "registry",
    "recipe",
    "corpora",
    "vocabulary",
    "encoding",
    "verbatim",
    "windows",
    "compute",
    "noise",
    "recurrence",
    "cells",
    "layers",
    "generation",
    "evaluation",
    "export",
    "model",
    "checkpoints",
    "runs",
    "measures",
    "advice",
    "callbacks",
    "pages",
    "report",
    "inspection",
    "optimization",
    "training",
    "comparison",
    "tuning",
    "testing",
    "cli",
]


def parts():
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part in ORDER:
            yield pytest.param(path, part, id=str(path.relative_to(PACKAGE)))


@pytest.mark.parametrize(("path", "part"), list(parts()))
def test_a_part_imports_only_from_those_before_it(path, part):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "keras_charrnn":
            names = [node.module] if "." in node.module else [f"keras_charrnn.{each.name}" for each in node.names]
            imported |= {name.split(".")[1] for name in names}
        elif isinstance(node, ast.Import):
            imported |= {each.name.split(".")[1] for each in node.names if each.name.startswith("keras_charrnn.")}
    later = set(ORDER[ORDER.index(part) + 1 :])
    assert not imported & later


def test_every_part_is_in_the_order():
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert there - {"__init__", "__main__"} == set(ORDER)


@pytest.mark.parametrize("command", ["import keras_charrnn", "from keras_charrnn.cli import main; main(['corpora'])"])
def test_importing_the_package_and_the_program_needs_no_tensorflow(command):
    code = f"import sys\n{command}\nassert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_name_that_needs_tensorflow_has_it_imported_quickly():
    """Without the garbage collector, which is there again afterwards, with less to look through."""
    code = "import gc, keras_charrnn\nkeras_charrnn.fit\nassert gc.isenabled() and gc.get_freeze_count() > 100_000"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_public_name_is_there_and_documented():
    for name in keras_charrnn.__all__:
        assert getattr(keras_charrnn, name).__doc__, name
    assert set(keras_charrnn.__all__) <= set(dir(keras_charrnn))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        keras_charrnn.nonsense  # noqa: B018
