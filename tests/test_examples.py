"""The examples run, each as its own docstring says, on less text and fewer units."""

import ast
import os
import pathlib
import subprocess
import sys

import keras_charrnn

EXAMPLES = pathlib.Path(keras_charrnn.__file__).parents[1] / "examples"


def run(name, *arguments, cwd):
    # Without tiny_shakespeare's own file the run takes the corpus that is always there.
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=cwd, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_custom_cell_trains(tmp_path):
    out = run(
        "custom_cell.py", "--set", "model.units=16", "--set", "corpus.max_bytes=60000", "--set", "training.epochs=1",
        "--set", "samples.every_epochs=1", cwd=tmp_path,
    )  # fmt: skip
    assert "1 x coupled_lstm 16" in out and "best validation loss" in out and "def " in out
    assert (tmp_path / "runs" / "custom-cell-001" / "model.keras").is_file()


def test_the_custom_cell_is_at_most_twenty_lines():
    tree = ast.parse((EXAMPLES / "custom_cell.py").read_text())
    (cell,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert cell.end_lineno - cell.decorator_list[0].lineno + 1 <= 20


def test_the_shakespeare_example_trains_through_the_python_api(tmp_path, shakespeare):
    out = run("shakespeare.py", "--epochs=1", "--units=16", "--characters=60000", cwd=tmp_path)
    assert "ROMEO:" in out and "validation loss" in out.splitlines()[-1]
    assert (tmp_path / "shakespeare.keras").is_file()
