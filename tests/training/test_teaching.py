"""A training that learns from other models too."""

import dataclasses
import pathlib
import shutil

import keras
import numpy as np
import pytest
import rich.console
import tensorflow as tf
import yaml

import keras_charrnn
from keras_charrnn import Vocabulary, recipe
from keras_charrnn.cli import main
from keras_charrnn.common import ready
from keras_charrnn.errors import CharRNNError, RecipeError, RunError, SettingsError
from keras_charrnn.model import Ensemble
from keras_charrnn.runs import RunFolder
from keras_charrnn.text.windows import training_windows
from keras_charrnn.training.teaching import Lessons, Teacher, room
from keras_charrnn.views.report import write_card
from tests.conftest import TEXT, tiny_recipe
from tests.training.test_resume import Kill, KillAt, assert_same
from tests.training.workers.test_workers import assert_near, program, state


def teacher_of(model):
    return Teacher(model, ("a", "b"), ["", ""], [None, None])


@pytest.mark.parametrize("count", [1, 2])
def test_lessons_are_the_probabilities_after_all_that_stands_before(make_model, rng, count):
    models = [make_model(TEXT) for _ in range(count)]
    for model in models:
        model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    known = models[0].vocabulary
    vocabulary = Vocabulary(known.symbols[3:]).with_added(known.symbols)  # with other ids
    columns = [known.symbols.index(each) for each in vocabulary.symbols]
    text, read = TEXT * 3, []
    ids = vocabulary.encode(text)
    lessons = teacher_of(models[0] if count == 1 else Ensemble(models)).teach(ids, vocabulary, read.append)
    assert sum(read) == len(ids) - 1
    shares = []
    for model in models:
        read = tf.function(model.run, autograph=False)
        states, found = model.initial_states(1), []
        for piece in np.split(known.encode(text).astype(np.int32), range(64, len(text), 64)):
            logits, states = read(piece[None], states)
            found.append(tf.nn.softmax(logits[0]).numpy())
        shares.append(np.concatenate(found))
    wanted = np.mean(shares, 0)[:, columns]
    # Half precision; and rows that are read side by side begin a little before what counts of them.
    np.testing.assert_allclose(lessons.table[1:], wanted[:-1], atol=2e-3)
    own = wanted[np.arange(len(ids) - 1), ids[1:]]
    assert lessons.nats == pytest.approx(-np.log(own).mean(), rel=1e-4)


def test_each_window_has_the_lessons_of_its_targets():
    ids = np.arange(200)  # so that each says its place
    table = (ids[:, None] * 4 + np.arange(4)).astype(np.float16)
    for rows in (None, slice(1, 3)):
        windows = training_windows(ids, 3, 7, random_offset=True, seed=3, taught=table, rows=rows)
        plain = training_windows(ids, 3, 7, random_offset=True, seed=3, rows=rows)
        for epoch in range(3):
            windows.epoch.assign(epoch)
            plain.epoch.assign(epoch)
            for (inputs, (targets, taught)), wanted in zip(windows.dataset, plain.dataset, strict=True):
                np.testing.assert_array_equal(inputs, wanted[0])
                np.testing.assert_array_equal(targets, wanted[1])
                np.testing.assert_array_equal(taught, table[targets.numpy()])


@pytest.mark.parametrize("replicas", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_who_is_taught_the_text_itself_learns_as_without(make_model, replicas):
    found = []
    for share in (0.0, 0.4, 1.0):
        keras.utils.set_random_seed(3)
        model = make_model(TEXT, cell="simple_rnn")
        ids, symbols = model.vocabulary.encode(TEXT), len(model.vocabulary)
        model.replicas, model.taught_share = replicas, share
        model.compile("sgd")
        windows = training_windows(ids, 4, 8, taught=np.eye(symbols, dtype=np.float16)[ids] if share else None)
        if share == 1:  # then the targets are only measured
            hidden = windows.dataset.map(lambda inputs, targets: (inputs, (tf.zeros_like(targets[0]), targets[1])))
            windows = dataclasses.replace(windows, dataset=hidden)
        before = model.evaluate(windows, verbose=0)
        losses = model.fit(windows, epochs=2, verbose=0).history["loss"]
        found.append([[before, *losses], *model.get_weights()])
    assert not np.allclose(found[0][0], found[2][0], rtol=0.01)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    for other in found[1:]:
        for one, two in zip(found[0][1:], other[1:], strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.fixture
def taught(once, trained, second):
    """Return a folder with a recipe that learns from two models, and the run of it; only to be read."""

    def make(folder):
        (folder / "models").mkdir()
        for each in (trained, second):
            shutil.copytree(each.folder, folder / "models" / pathlib.Path(each.folder).name)
        asked = {**tiny_recipe(folder), "teacher": {"from": "models/tiny-001+models/tiny-002", "weight": 0.7}}
        (folder / "student.yaml").write_text(yaml.safe_dump({**asked, "name": "student"}))
        keras_charrnn.fit(folder / "student.yaml", runs_dir=folder, console=rich.console.Console(quiet=True))

    return once("taught", make)


def test_a_run_keeps_who_taught_it(taught, capsys):
    run = keras_charrnn.Run.open(taught / "student-001")
    kept = RunFolder(run.folder).read_environment()["teacher"]
    assert kept["from"] == [str(taught / "models" / name) for name in ("tiny-001", "tiny-002")]
    assert [len(each) for each in kept["sha256"]] == [64, 64]
    assert [each["name"] for each in kept["corpora"]] == ["text", "text"]
    report = RunFolder(run.folder).report.read_text(encoding="utf-8")
    assert "taught by" in report
    assert kept["sha256"][1] in report
    shutil.copytree(run.folder, "copy")
    assert kept["sha256"][0] in write_card("copy").read_text(encoding="utf-8")
    main(["train", str(taught / "student.yaml"), "--set", "training.epochs=1"])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"tiny-002: {kept['train_loss']:.4f} nats on the training split, weight 0.7" in shown


def test_a_killed_run_goes_on_exactly_where_its_teacher_is_now(taught, console, tmp_path):
    shutil.copytree(taught, tmp_path / "here")
    asked = tmp_path / "here" / "student.yaml"
    with pytest.raises(Kill):
        keras_charrnn.fit(asked, name="cut", callbacks=[KillAt(55)], console=console)
    shutil.move(tmp_path / "here" / "models", tmp_path / "there")
    with pytest.raises(CharRNNError, match=r"teacher.from: there is no run or model .*tiny-001"):
        keras_charrnn.resume("runs/cut-001", console=console)
    file = pathlib.Path("runs/cut-001/recipe.yaml")
    written = yaml.safe_load(file.read_text())
    names = ["tiny-001", "tiny-002"]
    for found in (names[::-1], names[:1], None):
        there = found and [str(tmp_path / "there" / name) for name in found]
        file.write_text(yaml.safe_dump({**written, "teacher": {**written["teacher"], "from": there}}))
        with pytest.raises(RunError, match="is not what taught the run so far"):
            keras_charrnn.resume("runs/cut-001", console=console)
    there = [str(tmp_path / "there" / name) for name in names]
    file.write_text(yaml.safe_dump({**written, "teacher": {**written["teacher"], "from": there}}))
    run = keras_charrnn.resume("runs/cut-001", console=console)
    assert_same(taught / "student-001", run.folder)


@pytest.mark.thorough
def test_two_workers_are_taught_as_one_process_with_two_replicas(taught, tmp_path):
    shutil.copytree(taught, tmp_path / "here")
    asked = tmp_path / "here" / "student.yaml"
    program("train", asked, "--workers", 2, "--runs", tmp_path / "two")
    keras_charrnn.fit(asked, {"compute.replicas": 2}, tmp_path / "one")
    assert_near(*(state(tmp_path / each / "student-001") for each in ("two", "one")), 1e-5)


def test_names_with_a_plus_are_told_by_what_is_there(tmp_path):
    there = [tmp_path / "c++" / name for name in ("a.keras", "b+c.keras")]
    there[0].parent.mkdir()
    for each in there:
        shutil.copyfile(ready.find_model("names"), each)
    plan = recipe.read({**tiny_recipe(tmp_path), "teacher": {"from": f"{there[0]}+{there[1]}+shakespeare"}})
    assert plan.teacher.source == (*map(str, there), str(ready.find_model("shakespeare")))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("runs/none", "teacher.from: there is no run or model .*none"),
        (["shakespeare", "shakespeare"], "teacher.from: names each model once; shakespeare is there twice"),
        ("shakespeare+", "teacher.from: must have a path on both sides"),
        (["shakespeare", ""], r"teacher.from: must be the path"),
        (5, "teacher.from: must be the path"),
        ([], "teacher.from: must be the path"),
    ],
)
def test_what_is_no_teacher_is_refused_with_its_recipe(tmp_path, given, message):
    with pytest.raises(RecipeError, match=message):
        recipe.read({**tiny_recipe(tmp_path), "teacher": {"from": given}})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"teacher.from": "names"}, r"teacher.from: the models do not know ' ', '!', '\.'; take some that"),
        ({"teacher.from": "shakespeare", "vocabulary.unit": "byte"}, "unit character, and the text the unit byte"),
        ({"teacher.from": "shakespeare+names"}, "teacher.from: .*make no ensemble"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_before_a_folder_is_made(tmp_path, asked, message):
    with pytest.raises(CharRNNError, match=message):
        keras_charrnn.fit(tiny_recipe(tmp_path), asked)
    assert not pathlib.Path("runs").exists()


def test_a_text_whose_lessons_have_no_room_is_refused():
    message = r"1,000,000,000,000 places of 65 symbols take 130,000,000.0 MB in .*TMPDIR"
    with pytest.raises(SettingsError, match=message):
        room(10**12, 65)


def test_lessons_are_described_in_plain_values():
    lessons = Lessons(teacher_of(None), np.zeros((1, 1)), 1.5)
    assert lessons.describe() == {"from": ["a", "b"], "sha256": ["", ""], "corpora": [None, None], "train_loss": 1.5}
