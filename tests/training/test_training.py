import collections
import json
import shutil

import keras
import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import CharRNNError, CorpusError, RecipeError, SettingsError, VocabularyError, WindowsError
from keras_charrnn.runs import Run
from keras_charrnn.training import parts
from tests.conftest import TEXT, tiny_recipe

thorough = pytest.mark.thorough


def sampling_recipe(folder):
    recipe = tiny_recipe(folder)
    return recipe | {"samples": {**recipe["samples"], "every_epochs": 1}}


@pytest.fixture
def one(once):
    """Return a folder with `text.txt` and the folder of a run of `sampling_recipe`, made once: only to be read."""

    def make(folder):
        keras_charrnn.fit(sampling_recipe(folder), runs_dir=folder, console=rich.console.Console(quiet=True))

    return once("a-run-with-samples", make)


def test_a_run_has_all_that_it_says(one):
    run, recipe = Run.open(one / "tiny-001"), sampling_recipe(one)
    assert run.folder.name == "tiny-001"
    files = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert files == {
        "recipe.yaml", "model.keras", "metrics.jsonl", "timing.jsonl", "environment.json", "report.html",
        "memorization.json", "checkpoints/step-000000092.checkpoint", "checkpoints/step-000000184.checkpoint",
        "checkpoints/lock", "samples/epoch-001.txt", "samples/epoch-002.txt",
    }  # fmt: skip
    assert len(run.history) == 2 and run.history[1]["val_loss"] < run.history[0]["val_loss"]
    assert run.metrics == run.history[1]
    validation = TEXT[int(0.9 * len(TEXT)) :]
    np.testing.assert_allclose(run.model.score(validation).nats_per_character, run.metrics["val_loss"], rtol=1e-4)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["corpus"]["source"] == str(one / "text.txt")
    assert len(environment["corpus"]["sha256"]) == 64 and environment["corpus"]["characters"] == len(TEXT)
    counts = dict(collections.Counter(sorted(TEXT)))
    assert environment["vocabulary"] == {"unit": "character", "symbols": len(set(TEXT)), "counts": counts}
    assert environment["split"] == {"train": 2952, "validation": 328, "test": 0}
    assert environment["windows"]["left_over"] == (2952 - 1) - environment["windows"]["steps"] * 32
    assert keras_charrnn.read_recipe(run.folder / "recipe.yaml") == keras_charrnn.read_recipe(recipe)


@pytest.mark.parametrize(
    ("samples", "looks", "steps", "wanted"),
    [(0, 0, 92, 10), (0, 20, 92, 10), (30, 20, 92, 10), (0, 15, 92, 5), (8, 12, 92, 4), (0, 7, 92, 7), (0, 20, 9, 2)],
)
def test_periods_of_samples_and_looks_fit_the_calls_of_the_callbacks(samples, looks, steps, wanted):
    recipe = {"corpus": {"path": "a"}, "samples": {"every_steps": samples}, "validation": {"every_steps": looks}}
    assert parts._steps_per_execution(keras_charrnn.read_recipe(recipe), steps, 0) == wanted


def test_the_same_recipe_gives_the_same_run(one, console, tmp_path):
    recipe = sampling_recipe(tmp_path)
    shutil.copytree(one / "tiny-001", "runs/tiny-001")
    one, two = Run.open("runs/tiny-001"), keras_charrnn.fit(recipe, console=console)
    assert two.folder.name == "tiny-002"
    assert [row["val_loss"] for row in one.history] == [row["val_loss"] for row in two.history]
    other = keras_charrnn.fit(
        recipe, {"compute.seed": 1, "training.epochs": 1, "samples.every_epochs": 0}, name="other", console=console
    )
    assert other.folder.name == "other-001"
    assert other.history[0]["val_loss"] != one.history[0]["val_loss"]


@pytest.mark.parametrize(
    "overrides",
    [
        {
            "model.cell": {"name": "simple_rnn", "activation": "relu"},
            "model.embedding": "one_hot",
            "compute.precision": "bfloat16",
            "training.optimizer": {"name": "adagrad", "learning_rate": 0.1},
            "training.clip_norm": None,
        },
        {
            "training.clip_norm": None, "training.clip_value": 0.1, "states": {"reset": "window"},
            "vocabulary.unknown": "replace", "split": {"train": 0.5, "validation": 0.25, "test": 0.25},
        },
        # In the quick suite two layers with dropout are in test_resume.py's exact runs, replicas in its others.
        pytest.param(
            {"model.cell": "lstm", "model.layers": 2, "model.dropout": 0.2, "compute.replicas": 2}, marks=thorough
        ),
        pytest.param(
            {
                "model.cell": {"name": "simple_rnn", "activation": "relu"},
                "model.embedding": "one_hot",
                "compute.precision": "bfloat16",
            },
            marks=thorough,
        ),
        pytest.param(
            {"training.optimizer": {"name": "adagrad", "learning_rate": 0.1}, "training.clip_norm": None},
            marks=thorough,
        ),
        pytest.param(
            {"training.clip_norm": None, "training.clip_value": 0.1, "states": {"reset": "window"}}, marks=thorough
        ),
        pytest.param(
            {"vocabulary.unknown": "replace", "split": {"train": 0.5, "validation": 0.25, "test": 0.25}},
            marks=thorough,
        ),
    ],
)  # fmt: skip
def test_other_settings_train_too(tiny, console, overrides):
    run = keras_charrnn.fit(tiny, {**overrides, "samples.every_steps": 7}, console=console)
    assert run.metrics["val_loss"] < np.log(35)
    assert run.model.generate("the ", 5, seed=1)


@thorough  # in the quick suite: test_optimization.py's test of the schedules
def test_the_exponential_schedule_falls_by_epoch(tiny, console):
    tiny["training"] |= {"epochs": 4, "schedule": {"name": "exponential", "rate": 0.5, "from_epoch": 1}}
    rates = [row["learning_rate"] for row in keras_charrnn.fit(tiny, console=console).history]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.0025], rtol=1e-6)


@thorough  # as above
def test_the_cosine_schedule_warms_up_and_ends_at_its_share(tiny, console):
    tiny["training"] |= {"epochs": 2, "schedule": {"name": "cosine", "warmup_steps": 10, "final": 0.1}}
    rates = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(callback.model.optimizer.learning_rate))
    )
    run = keras_charrnn.fit(tiny, callbacks=[callback], console=console)
    assert rates[0] == max(rates) and max(rates) == pytest.approx(0.01, rel=0.01)
    assert run.history[-1]["learning_rate"] == pytest.approx(0.001, rel=0.01)


@thorough  # in the quick suite: test_resume.py's test of what Keras's callbacks remember
def test_any_keras_callback_can_be_passed(tiny, console):
    tiny["training"]["epochs"] = 9
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=100, restore_best_weights=True)
    assert len(keras_charrnn.fit(tiny, callbacks=[stop], console=console).history) == 2


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        ({"corpus.path": "none.txt"}, CorpusError, "there is no file"),
        ({"model.units": 0}, RecipeError, r"model\.units: must be a whole number"),
        ({"windows.batch_size": 4000}, WindowsError, "train: .* too few for windows.batch_size 4000"),
        ({"split.validation": 0.0001}, WindowsError, "validation: an evaluation needs at least 2"),
        ({"compute.replicas": 3}, SettingsError, "does not divide"),
        ({"samples.prefix": "☃"}, VocabularyError, "samples.prefix has the character '☃'"),
        ({"training.optimizer.nonsense": 3}, RecipeError, r"training\.optimizer\.nonsense: unknown key"),
        ({"training.optimizer": {"name": "sgd", "momentum": 3}}, SettingsError, "training.optimizer: Keras refuses"),
        ({"model.cell.nonsense": 3}, SettingsError, "the cell 'gru' refuses the arguments"),
        (
            {"validation": {"every_steps": 10, "characters": 1000}},
            SettingsError,
            r"validation\.characters: is 1,000, and the validation split has 328; write that or fewer, or null for all",
        ),
        (
            {"validation.every_steps": 10, "split.validation": 0},
            RecipeError,
            "validation: looks at the validation split, ",
        ),
        (
            {"validation.characters": 10},
            RecipeError,
            r"characters: is of looks, and .*; write every_steps or every_min",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(tiny, console, tmp_path, overrides, error, message):
    with pytest.raises(error, match=message):
        keras_charrnn.fit(tiny, overrides, console=console)
    assert not (tmp_path / "runs").exists()
    assert issubclass(error, CharRNNError)


@pytest.mark.parametrize("text", ["", "aaaa" * 500])
def test_a_text_of_one_symbol_or_none_is_refused(tiny, console, tmp_path, text):
    (tmp_path / "text.txt").write_text(text)
    with pytest.raises(CharRNNError, match=r"empty|at least 2 different characters"):
        keras_charrnn.fit(tiny, console=console)
    assert not (tmp_path / "runs").exists()
