"""A disk that is really full: a small one of memory, where the tests may mount it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import WriteError
from keras_charrnn.runs.checkpoints import read
from keras_charrnn.runs.folder import RunFolder
from tests.conftest import tiny_recipe


@pytest.fixture
def disk(tmp_path):
    """Return a function that mounts a disk of so many kilobytes, or gives it another size; it returns its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(kilobytes, *options):
        option = ",".join([*options, f"size={kilobytes}k"])
        command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("the tests may not mount a disk here")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True)


def recipe_of(folder):
    """Return a recipe whose checkpoints and samples fill a small disk."""
    return tiny_recipe(folder) | {
        "model": {"cell": "gru", "units": 24, "embedding": 8},
        "checkpoints": {"every_steps": 20},
        "samples": {"every_steps": 20, "length": 400},
    }


@pytest.fixture
def whole(once):
    """Return the metrics of the run on a disk with room, trained once."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "matplotlib", None)  # no plots, which nothing here reads
            keras_charrnn.fit(recipe_of(folder), runs_dir=folder, console=rich.console.Console(quiet=True))

    return (once("room-on-the-disk", make) / "tiny-001" / "metrics.jsonl").read_text()


# It is full at the first checkpoint, at the first model, or in the midst of the run, as the samples and metrics grow.
@pytest.mark.thorough  # in the quick suite: test_resume.py's test of a disk that is said to be full
@pytest.mark.plots  # the largest part of a report
@pytest.mark.parametrize("kilobytes", [60, 140, 200, 300])
def test_a_full_disk_ends_the_run_with_all_files_whole_and_it_goes_on_with_more_room(
    disk, whole, console, tmp_path, kilobytes
):
    tiny = recipe_of(tmp_path)
    folder = disk(kilobytes)
    with pytest.raises(WriteError, match="No space left on device"):
        keras_charrnn.fit(tiny, runs_dir=folder, console=console)
    run = RunFolder(folder / "tiny-001")
    assert not [path for path in run.path.rglob(".*") if path.name.split(".")[1].isdigit()]  # no half of a file
    checkpoints = run.checkpoints.paths()
    for path in checkpoints:
        assert all(np.isfinite(weight).all() for weight in read(path).group("weights"))
    if run.metrics.is_file():
        run.read_metrics()
    if run.model.is_file():
        keras_charrnn.load(run.model)
    disk(20_000, "remount")
    if checkpoints:
        gone_on = keras_charrnn.resume(run.path, console=console)
        assert (gone_on.folder / "metrics.jsonl").read_text() == whole
