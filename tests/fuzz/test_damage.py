"""A run's folder, each file of which is damaged in each way: an error that names the file, or recovery."""

import pathlib
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_charrnn import CharRNN
from keras_charrnn.errors import CharRNNError, RunError
from keras_charrnn.recipe import read
from keras_charrnn.runs import Run, RunFolder, checkpoints, load
from keras_charrnn.text.verbatim import memorization
from keras_charrnn.views.report import write_report
from tests.conftest import TEXT

# What to damage, and how many times: reading a model takes longest, and a report. 1,000 together; an eighth in the
# quick suite.
COUNTS = {
    "recipe.yaml": 200,
    "metrics.jsonl": 160,
    "timing.jsonl": 100,
    "environment.json": 200,
    "checkpoints/newest": 120,
    "model.keras": 160,
    "samples/epoch": 40,
    "report.html": 20,
    "memorization.json": 60,
}
EXAMPLES = settings.default.max_examples  # 25 or, in the thorough suite, 500


def times(name):
    """Return how many times to damage a file in this suite."""
    return min(COUNTS[name], COUNTS[name] * EXAMPLES // 200)


def find(folder, name):
    """Return the path of a file in a run's folder by the name that it has here."""
    if name == "checkpoints/newest":
        return RunFolder(folder).checkpoints.paths()[0]
    return next(iter(sorted((folder / "samples").iterdir()))) if name == "samples/epoch" else folder / name


@st.composite
def damages(draw, size):
    """What to do to a file of `size` bytes: a function from its bytes to others, None for none, or a folder."""
    kind = draw(st.sampled_from(["cut", "flip", "flip", "flip", "empty", "random", "zeros", "removed", "folder"]))
    places = st.integers(0, size - 1)
    if kind == "cut":
        return kind, draw(places)
    if kind == "flip":
        return kind, draw(st.lists(st.tuples(places, st.integers(1, 255)), min_size=1, max_size=3))
    if kind == "zeros":
        return kind, draw(places)
    return kind, draw(st.binary(max_size=50)) if kind == "random" else None


def damage(path, kind, how):
    data = bytearray(path.read_bytes())
    path.unlink()
    if kind == "removed":
        return
    if kind == "folder":
        path.mkdir()
        return
    if kind == "cut":
        data = data[:how]
    elif kind == "flip":
        for place, bits in how:
            data[place] ^= bits
    elif kind == "zeros":  # a file whose end never reached the disk
        data[how:] = bytes(len(data) - how)
    else:
        data = how or b""
    path.write_bytes(data)


def read_recipe(folder):
    read(RunFolder.open(folder).recipe)


def read_records(folder):
    run = Run.open(folder)
    assert all(np.isreal(value) for row in run.history for value in row.values())
    run.metrics.get("val_loss")
    RunFolder.open(folder).read_environment()


def read_checkpoint(folder):
    # The warning names the damaged one, and an earlier one is taken.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = RunFolder.open(folder).checkpoints.newest()
    assert isinstance(found, checkpoints.Checkpoint) and {"epoch", "step", "finished"} <= set(found.facts)
    assert all("is damaged" in str(each.message) or "cannot be read" in str(each.message) for each in told)


def load_model(folder):
    model = load(folder)
    assert isinstance(model, CharRNN) and np.isfinite(model.score("the quick brown fox").nats_per_character)


def read_memorization(folder):
    record = RunFolder.open(folder).read_memorization()
    assert record is None or str(record[1])


READERS = {
    "recipe.yaml": [read_recipe],
    "metrics.jsonl": [read_records, write_report],
    "timing.jsonl": [read_records, write_report],
    "environment.json": [read_records, write_report],
    "checkpoints/newest": [read_checkpoint],
    "model.keras": [load_model],
    "samples/epoch": [write_report],
    "report.html": [write_report],
    "memorization.json": [read_memorization, write_report],
}


@pytest.fixture(scope="session")
def whole(trained, tmp_path_factory):
    """A finished run with all that a run can have, to copy from."""
    folder = tmp_path_factory.mktemp("whole") / "tiny-001"
    shutil.copytree(trained.folder, folder)
    (folder / "samples" / "epoch-0001.txt").write_text("--- epoch 1, temperature 0.5 ---\nthe quick\n\n")
    RunFolder(folder).write_memorization("epoch 1", memorization("the quick", TEXT))
    write_report(folder)
    return folder


def test_a_thousand_folders_are_damaged():
    assert sum(COUNTS.values()) >= 1000 and set(COUNTS) == set(READERS)


def test_every_file_of_a_run_is_among_them(whole):
    known = {find(whole, name).relative_to(whole).parts[0] for name in COUNTS}
    assert {path.name for path in whole.iterdir()} == known


PLOTTED = ("metrics.jsonl", "environment.json")  # what plots are made of


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.plots] if name in PLOTTED else []) for name in COUNTS]
)
def test_a_damaged_file_is_named_or_made_up_for(whole, name):
    tried = []
    original = find(whole, name)
    content, relative = original.read_bytes(), original.relative_to(whole)
    folder = pathlib.Path("run").resolve()
    shutil.copytree(whole, folder)

    @settings(max_examples=times(name))
    @given(damages(len(content)))
    def one(done):
        tried.append(done)
        path = folder / relative
        if path.is_dir():
            path.rmdir()
        path.write_bytes(content)
        damage(path, *done)
        for reader in READERS[name]:
            try:
                reader(folder)
            except CharRNNError as error:
                assert path.name in str(error)

    one()
    assert len(tried) >= times(name) > 0


def test_every_way_of_damage_to_a_model_is_told_or_harmless(whole):
    shutil.copytree(whole, "run")
    path = pathlib.Path("run/model.keras")
    data, score = path.read_bytes(), load("run").score("the quick brown fox")
    for place in range(0, len(data), max(1, len(data) // min(200, 2 * EXAMPLES))):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        try:
            found = load("run").score("the quick brown fox")
        except RunError as error:
            assert "model.keras" in str(error)
        else:  # a byte that nothing reads: no other weights
            assert found.nats_per_character == score.nats_per_character
