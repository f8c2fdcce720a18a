"""A training that begins from a model."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import rich.console
import tensorflow as tf
import yaml

import keras_charrnn
from keras_charrnn import Vocabulary
from keras_charrnn.cli import main
from keras_charrnn.errors import CharRNNError, RecipeError, SettingsError
from keras_charrnn.model.starting import take_over
from keras_charrnn.views.report import write_card
from tests.conftest import TEXT, tiny_recipe
from tests.training.test_resume import Kill, KillAt, assert_same

QUIET = rich.console.Console(quiet=True)
NEW = "äöüßéèñçøåαβγδεζηθικ"


@pytest.fixture
def old(once):
    """Return the folder of a run, made once: only to be read."""

    def make(folder):
        recipe = tiny_recipe(folder)
        keras_charrnn.fit({**recipe, "model": {**recipe["model"], "ngrams": 3}}, runs_dir=folder, console=QUIET)

    return once("a-run-to-begin-from", make) / "tiny-001"


def to_begin(folder, text=TEXT, **start):
    """Return a recipe for another text that names no model of its own."""
    pathlib.Path("other.txt").write_text(text, encoding="utf-8")
    recipe = tiny_recipe(pathlib.Path.cwd())
    recipe |= {"name": "further", "corpus": {"path": str(pathlib.Path("other.txt").absolute())}}
    return {**recipe, "model": {}, "start": {"from": str(folder), **start}}


def logits_of(model, text):
    ids = model.vocabulary.encode(text)[None]
    return np.asarray(model(tf.constant(ids, tf.int32)))[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"ngrams": 2},
        pytest.param({"ngrams": 3}, marks=pytest.mark.thorough),
        pytest.param({"ngrams": 5, "normalization": "rms", "layers": 2}, marks=pytest.mark.thorough),
        {"embedding": "one_hot", "cell": "simple_rnn"},
        pytest.param({"units": 12, "embedding": 12, "tie_embedding": True}, marks=pytest.mark.thorough),
        pytest.param({"cell": "rms_norm_lstm", "zoneout": 0.1, "ngrams": 4}, marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize("kind", ["union", "text"])
def test_known_symbols_keep_their_logits_to_the_last_bit_beside_new_ones(make_model, settings, kind, rng):
    old = make_model(TEXT, **settings)
    old.set_weights([rng.normal(size=weight.shape) for weight in old.weights])
    kept = TEXT.partition("\n")[0] * 5  # without one of the symbols
    assert {*TEXT} - {*kept}
    vocabulary = old.vocabulary.with_added(NEW) if kind == "union" else Vocabulary(kept + NEW)
    new = keras_charrnn.CharRNN(vocabulary, **vars(old.settings))
    if kind == "text" and settings.get("ngrams", 1) > 2:  # of triples some share a row
        with pytest.raises(SettingsError, match=r"keep them, with start.vocabulary: union"):
            take_over(new, old)
        return
    take_over(new, old)
    both = [symbol for symbol in vocabulary.symbols if symbol in old.vocabulary]
    places, before = ([each.symbols.index(symbol) for symbol in both] for each in (vocabulary, old.vocabulary))
    found, expected = logits_of(new, kept)[:, places], logits_of(old, kept)[:, before]
    # An embedding alone goes through a product of all its rows, the last of which a processor may sum in another order.
    rounding = 0 if "ngrams" in settings or settings.get("embedding") == "one_hot" else 1e-5
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=rounding)
    assert np.isfinite(logits_of(new, kept + NEW)).all()
    if kind == "union":
        assert vocabulary.symbols == old.vocabulary.symbols + "".join(sorted(NEW))
        again = Vocabulary(**vocabulary.get_config())
        assert again == vocabulary and again.symbols == vocabulary.symbols


def test_a_new_symbol_begins_with_the_mean_of_the_known_ones_and_their_spread(make_model):
    old = make_model(TEXT)
    new = keras_charrnn.CharRNN(old.vocabulary.with_added(NEW), **vars(old.settings))
    take_over(new, old, seed=3)
    known, added = np.split(np.asarray(new.embedding.embeddings), [len(old.vocabulary)])
    np.testing.assert_array_equal(known, old.embedding.embeddings)
    assert len(np.unique(added, axis=0)) == len(NEW)
    away = (added - known.mean(0)) / known.std(0)
    assert abs(away.std() - 1) < 0.2


def test_what_the_recipe_leaves_out_is_the_models_and_the_run_says_where_it_began(old):
    loss = keras_charrnn.evaluate(old).nats_per_character
    run = keras_charrnn.fit(to_begin(old, TEXT + NEW * 20), console=QUIET)
    recipe = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    before = yaml.safe_load((old / "recipe.yaml").read_text())
    assert recipe["model"] == before["model"] and recipe["start"]["from"] == str(old)
    record = json.loads((run.folder / "environment.json").read_text())["start"]
    assert record["symbols"] == {"known": len({*TEXT}), "new": len({*NEW}), "left_out": 0}
    assert record["corpus"]["sha256"] == json.loads((old / "environment.json").read_text())["corpus"]["sha256"]
    assert run.model.vocabulary.symbols.startswith(keras_charrnn.load(old).vocabulary.symbols)
    said = [str(each) for each in keras_charrnn.advise(run)]
    assert any(f"The model that it began from scored {record['val_loss']:.4f} nats" in each for each in said)
    report = (run.folder / "report.html").read_text()
    assert f"{record['val_loss']:.4f} nats" in report and record["sha256"] in report
    assert f"it scored {record['val_loss']:.4f} nats" in write_card(run.folder).read_text()
    # The same text: before the first step the loss is that of the model.
    again = keras_charrnn.fit(to_begin(old), {"training.epochs": 1}, console=QUIET)
    record = json.loads((again.folder / "environment.json").read_text())["start"]
    assert record["val_loss"] == pytest.approx(loss, rel=1e-5)
    assert again.history[0]["val_loss"] < loss


def test_it_begins_from_a_file_and_from_the_command_line(old, capsys):
    pathlib.Path("here.yaml").write_text(yaml.safe_dump({**to_begin(old), "start": None}))
    arguments = ["train", "here.yaml", "--from", str(old / "model.keras"), "--set", "training.epochs=1"]
    assert main([*arguments, "--set", "model.dropout=0.2"]) == 0
    out = capsys.readouterr().out
    assert f"start    from {old / 'model.keras'}: symbols {len({*TEXT})} known, validation " in out
    run = keras_charrnn.Run.open("runs/further-001")
    # The model of the recipe gives way to it, but for what is asked for beside it.
    plan = keras_charrnn.read_recipe(
        {**to_begin(old), "start": None, "model": {"cell": "lstm", "units": 99, "dropout": 0.3}},
        {"start.from": str(old)},
    )
    assert (plan.model.cell, plan.model.units, plan.model.dropout) == ({"name": "gru"}, 8, 0.3)
    with pytest.raises(RecipeError, match=r"model.units: is 99, and 8 in the model to begin from"):
        keras_charrnn.read_recipe({**to_begin(old), "start": None}, {"start.from": str(old), "model.units": 99})
    assert run.model.settings.dropout == 0.2 and run.model.settings.ngrams == 3


def test_frozen_layers_stay_as_they_are_until_their_epochs_are_over(old):
    how = {"training.optimizer": {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.5}}
    how |= {"split.validation": 0, "training.average": 0.9}  # the last model is kept, not the best one
    before = keras_charrnn.load(old)
    names = ["embedding", "ngrams", "recurrent_0"]
    frozen = keras_charrnn.fit(to_begin(old, freeze=names), how, console=QUIET).model
    for one, two in ((before.embedding, frozen.embedding), (before.ngrams, frozen.ngrams)):
        for weight, now in zip(one.get_weights(), two.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, now)
    assert not np.array_equal(before.head.kernel, frozen.head.kernel)
    later = keras_charrnn.fit(to_begin(old, freeze=names, freeze_epochs=1), how, console=QUIET).model
    for one, two in ((before.embedding, later.embedding), (before.ngrams, later.ngrams)):
        for weight, now in zip(one.get_weights(), two.get_weights(), strict=True):
            assert not np.array_equal(weight, now)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": {"units": 9}}, "model.units: is 9, and 8 in the model to begin from"),
        ({"model": {"cell": "lstm"}}, "model.cell: is 'lstm', and {'name': 'gru'} in the model to begin from"),
        ({"start": {"from": "nowhere"}}, "start.from: there is no run or model"),
        ({"start": {"from": "other.txt"}}, "other.txt is no model: it is no folder of a run, nor a .keras file"),
        ({"start": {"from": "broken.keras"}}, "broken.keras cannot be read as a model: BadZipFile: "),
        ({"start": {"from": "."}}, "is no folder of a run: it has no recipe.yaml"),
        ({"start": {"freeze": ["embedding"]}}, "start.freeze: is of a model to begin from, and there is none"),
        ({"start.freeze_epochs": 2}, "start.freeze_epochs: is of layers that start.freeze names"),
        ({"start.freeze": ["embedding", "ngrams", "block_0", "head"]}, "start.freeze: leaves nothing to train"),
        ({"start.freeze": ["embeding"]}, "the model has no layer 'embeding', did you mean 'embedding'?"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_nothing_is_written(old, change, said):
    recipe = to_begin(old)
    pathlib.Path("broken.keras").write_bytes(b"PK broken")
    inner = {key: value for key, value in change.items() if "." not in key}
    with pytest.raises(CharRNNError) as error:
        keras_charrnn.fit({**recipe, **inner}, {k: v for k, v in change.items() if k not in inner}, console=QUIET)
    assert said in str(error.value) and not pathlib.Path("runs").exists()


def test_a_killed_run_goes_on_exactly_without_the_model_it_began_from(old, tmp_path):
    moved = shutil.copytree(old, tmp_path / "to-be-lost")
    recipe = to_begin(moved, TEXT + NEW * 20, freeze=["embedding"], freeze_epochs=1)
    recipe["checkpoints"] = {"every_steps": 20}
    whole = keras_charrnn.fit(recipe, name="whole", console=QUIET)
    with pytest.raises(Kill):
        keras_charrnn.fit(recipe, name="cut", callbacks=[KillAt(50)], console=QUIET)
    shutil.rmtree(moved)
    with pytest.raises(Kill):
        keras_charrnn.resume("runs/cut-001", [KillAt(130)], QUIET)
    assert_same(whole.folder, keras_charrnn.resume("runs/cut-001", console=QUIET).folder)
