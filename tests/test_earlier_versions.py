"""What earlier versions of the package wrote still works: `tests/earlier/` has it, with what those versions made of it.

The run was stopped in the second of its three epochs; all that has a state in a training is on in it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.engine.compute import processor_name
from keras_charrnn.errors import RunError
from keras_charrnn.runs import RunFolder
from keras_charrnn.training import versions

EARLIER = pathlib.Path(__file__).parent / "earlier"
TEXT = "the quick brown fox jumps over the lazy dog.\nHow vexingly quick daft zebras jump!\n" * 20

pytestmark = pytest.mark.parametrize("version", sorted(each.name for each in EARLIER.iterdir()))


@pytest.fixture
def earlier(version, tmp_path):
    """Return a folder with a copy of what a version wrote, and what that version made of it."""
    folder = shutil.copytree(EARLIER / version, tmp_path / "earlier")
    recipe = folder / "run" / "recipe.yaml"
    (tmp_path / "text.txt").write_text(TEXT)
    recipe.write_text(recipe.read_text().replace("path: text.txt", f"path: {tmp_path / 'text.txt'}"))
    return folder, json.loads((folder / "end.json").read_text())


def is_same_machine(end):
    """Whether figures must be the same to the last bit here."""
    made = end["environment"]
    numeric = ("keras", "tensorflow", "numpy")
    same = all(made["versions"][name] == versions()[name] for name in numeric)
    return same and made["machine"]["processor"] == processor_name()


def test_a_run_is_loaded_and_sampled(earlier):
    folder, end = earlier
    model = keras_charrnn.load(folder / "run")
    assert model.generate("the ", 60, temperature=0.8, seed=3) == end["stopped"]["text"]


def test_a_model_file_of_a_plainer_kind_is_loaded_and_sampled(earlier):
    folder, end = earlier
    model = keras_charrnn.load(folder / "lines.keras")
    assert model.fresh_lines
    assert model.generate("the ", 60, temperature=0.8, seed=3) == end["lines"]["text"]
    np.testing.assert_allclose(model.score(TEXT[:90]).nats, end["lines"]["nats"], rtol=1e-5)


def resume_as_users_do(folder):
    """Go on with a run in a process in which all is compiled as it is for users."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    command = [sys.executable, "-m", "keras_charrnn", "resume", folder]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return keras_charrnn.Run.open(folder)


@pytest.mark.thorough  # the tests above load what they wrote, and `tests/training/test_resume.py` goes on
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stopped_run_goes_on_and_ends_as_it_did(earlier, console, elsewhere):
    folder, end = earlier
    run = resume_as_users_do(folder / "run") if elsewhere else keras_charrnn.resume(folder / "run", console=console)
    # Otherwise compiled, or elsewhere, a window's sums may be made in another order.
    tolerance = 1e-6 if elsewhere and is_same_machine(end) else 1e-4
    for row, before in zip(run.history, end["history"], strict=True):
        assert {name: row[name] for name in before} == pytest.approx(before, rel=tolerance, abs=tolerance)
    with np.load(folder / "end.npz") as weights:
        for weight, name in zip(run.model.get_weights(), weights.files, strict=True):
            np.testing.assert_allclose(weight, weights[name], rtol=tolerance, atol=tolerance)
    assert run.model.generate("the ", 60, temperature=0.8, seed=3) == end["text"]
    assert run.model.generate("the ", 20, 3, top_k=5, seed=4) == end["batch"]
    assert {path.name: path.read_text() for path in (run.folder / "samples").iterdir()} == end["samples"]


def test_a_run_on_a_text_that_has_other_symbols_now_says_so(earlier):
    folder = RunFolder(earlier[0] / "run")
    record = json.loads(folder.environment.read_text())
    record["vocabulary"]["symbols"] += 1  # a CR, which is a line end now
    folder.environment.write_text(json.dumps(record))
    with pytest.raises(
        RunError, match=r"has 31 symbols, 32 when .*run began: before 0\.2\.0 a CR alone was no line end"
    ):
        keras_charrnn.resume(folder.path)


def test_what_cannot_be_read_says_which_version_made_it(earlier):
    folder, _ = earlier
    folder = RunFolder(folder / "run")
    record = json.loads(folder.environment.read_text())
    record["versions"]["keras_charrnn"] = "0.0.7"
    folder.environment.write_text(json.dumps(record))
    keras_charrnn.load(folder.path)  # it can be read: nothing is said
    checkpoint, recipe = folder.checkpoints.paths()[0], folder.recipe.read_text()
    folder.recipe.write_text(recipe.replace("layers: 2", "depth: 2"))
    with pytest.raises(RunError, match=r"(?s)by keras_charrnn 0\.0\.7, and this is .*model\.depth"):
        keras_charrnn.load(folder.path)
    folder.recipe.write_text(recipe)
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"checkpoint 1\n", b"checkpoint 0\n", 1))
    with (
        pytest.warns(UserWarning, match="is of format 0, of another version of keras_charrnn; this one reads format 1"),
        pytest.raises(RunError, match=r"was made by keras_charrnn 0\.0\.7"),
    ):
        keras_charrnn.resume(folder.path)
