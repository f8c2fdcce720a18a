"""Plugins of three kinds, each as its example has it, and the page on them, word for word."""

import ast
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RegistryError
from keras_charrnn.plugins import load_plugin
from keras_charrnn.testing import PROPERTIES, check_cell

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "plugins.md").read_text()
# What the page's trainings are given on top of their lines, so that they take seconds.
SMALLER = [
    *("--set", "training.epochs=1", "--set", "corpus.max_bytes=20000", "--set", "windows.length=8"),
    *("--set", "compute.replicas=1", "--set", "samples.every_epochs=0"),
]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def execute(*command, site="", **options):
    """Run a command with a folder of installed packages, and the program that belongs to this interpreter."""
    path = os.pathsep.join(filter(None, [str(site), str(ROOT), os.environ.get("PYTHONPATH")]))
    programs = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": path, "PATH": programs}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_line(line, capsys, short):
    """Run a line of the page, keras-charrnn's own in this process, which has TensorFlow; return what it prints."""
    program, *arguments = shlex.split(line)
    if program != "keras-charrnn":
        return execute("bash", "-ec", line)
    assert main([*arguments, *(SMALLER if short and arguments[0] in ("train", "compare") else ())]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("short", [True, pytest.param(False, marks=[pytest.mark.thorough, pytest.mark.plots])])
def test_the_page_leads_to_a_checked_trained_sampled_and_compared_cell(short, capsys):
    files = [*blocks("python"), *blocks("yaml")]
    for code in files:
        pathlib.Path(re.match(r"# (\S+)\n", code)[1]).write_text(code)
    lines = {line.split()[1]: line for line in "".join(blocks("sh")).splitlines()}
    if short:  # `--check` checks what the test on the page does, and `tests/cli/test_compare.py` compares cells
        lines = {name: lines[name] for name in ("cells", "train", "sample")}
    found = {name: run_line(line, capsys, short) for name, line in lines.items()}
    load_plugin("normalized.py")
    check_cell("normalized", skip=[each.name for each in PROPERTIES if each.name not in ("shapes", "only states kept")])
    assert found["cells"].count(" ok ") == 15 and "gradients" in found["cells"]
    assert "1 x leaky 64" in found["train"] and "best validation loss" in found["train"]
    sample = found["sample"]
    assert sample.startswith("def ") and len(sample) == len("def ") + 200 + len("\n")
    if not short:
        assert set(found) == {"cells", "-m", "train", "sample", "compare"} and "1 passed" in found["-m"]
        assert found["compare"].count("validation ") == 4 and "failed" not in found["compare"]
        assert {"comparison.md", "comparison.csv", "comparison.json", "leaky-002", "gru-002"} <= {
            path.name for path in pathlib.Path("runs/leaky-compare-001").iterdir()
        }


def test_the_pages_cell_has_at_most_15_lines_and_stands_in_the_examples():
    code = blocks("python")[0]
    (cell,) = (node for node in ast.parse(code).body if isinstance(node, ast.ClassDef))
    assert cell.end_lineno - cell.lineno <= 15
    assert (EXAMPLES / "plugin_file" / "leaky.py").read_text() == code
    assert (EXAMPLES / "plugin_file" / "leaky.yaml").read_text() == blocks("yaml")[0]
    assert blocks("toml")[0] in (EXAMPLES / "plugin_package" / "pyproject.toml").read_text()
    for path in re.findall(r"`(examples/[^`]+)`", PAGE):
        assert (ROOT / path).exists()


def test_a_file_named_in_a_recipe_is_found_from_the_recipes_folder_and_remembered_by_the_run(tmp_path):
    sizes = ["--set", "model.units=8", "--set", "training.epochs=1", "--set", "corpus.max_bytes=10000"]
    sizes += ["--set", "windows.length=8", "--set", "compute.replicas=1"]
    folder = shutil.copytree(EXAMPLES / "plugin_file", tmp_path / "elsewhere")
    assert main(["train", str(folder / "leaky.yaml"), *sizes]) == 0
    recipe = yaml.safe_load(pathlib.Path("runs/leaky-001/recipe.yaml").read_text())
    assert recipe["plugins"] == [str(folder / "leaky.py")]
    assert keras_charrnn.load("runs/leaky-001").recurrent[0].cell.leak.shape == (8,)


@pytest.fixture
def site(tmp_path):
    """Return a folder in which the example's package is installed, as pip does it, without a network."""
    source = shutil.copytree(EXAMPLES / "plugin_package", tmp_path / "source")  # the build leaves files beside it
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    execute(sys.executable, "-m", "pip", "install", *options, "--target", tmp_path / "site", source)
    return tmp_path / "site"


@pytest.mark.thorough  # they check the cell, as the page's first command does that of a file
def test_the_tests_of_an_installed_package_pass(site):
    out = execute(sys.executable, "-m", "pytest", "-q", "tests", site=site, cwd=site.with_name("source"))
    assert "2 passed" in out


def test_an_installed_package_needs_no_plugins_and_a_model_without_it_names_it(site, tiny, monkeypatch, capsys):
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump({**tiny, "model": {"cell": "atr", "units": 8}}))
    out = execute("keras-charrnn", "train", "tiny.yaml", "--set", "training.epochs=1", site=site)
    assert "1 x atr 8" in out
    message = (
        r"the model's cell 'atr' is registered by charrnn_atr, of the package 'charrnn-atr', which is not installed; "
        "install it with pip"
    )
    with pytest.raises(RegistryError, match=message):
        keras_charrnn.load("runs/tiny-001/model.keras")
    assert main(["sample", "runs/tiny-001/model.keras"]) == 2
    assert "the package 'charrnn-atr', which is not installed" in capsys.readouterr().err
    monkeypatch.syspath_prepend(site)
    assert main(["cells"]) == 0
    assert "Addition-subtraction twin-gated recurrence" in capsys.readouterr().out
    assert main(["sample", "runs/tiny-001/model.keras", "--length", "5"]) == 0
    assert len(capsys.readouterr().out) == 5 + 1
