import collections
import json

import keras
import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.errors import CharRNNError, CorpusError, RecipeError, SettingsError, VocabularyError, WindowsError
from tests.conftest import TEXT


def test_a_run_has_all_that_it_says(tiny, console, tmp_path):
    tiny["samples"]["every_epochs"] = 1
    run = keras_charrnn.fit(tiny, console=console)
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
    assert environment["corpus"]["source"] == str(tmp_path / "text.txt")
    assert len(environment["corpus"]["sha256"]) == 64 and environment["corpus"]["characters"] == len(TEXT)
    assert environment["vocabulary"] == {"symbols": len(set(TEXT)), "counts": dict(collections.Counter(sorted(TEXT)))}
    assert environment["split"] == {"train": 2952, "validation": 328, "test": 0}
    assert environment["windows"]["left_over"] == (2952 - 1) - environment["windows"]["steps"] * 32
    assert keras_charrnn.read_recipe(run.folder / "recipe.yaml") == keras_charrnn.read_recipe(tiny)


def test_the_same_recipe_gives_the_same_run(tiny, console):
    one, two = (keras_charrnn.fit(tiny, console=console) for _ in range(2))
    assert two.folder.name == "tiny-002"
    assert [row["val_loss"] for row in one.history] == [row["val_loss"] for row in two.history]
    other = keras_charrnn.fit(tiny, {"compute.seed": 1}, name="other", console=console)
    assert other.folder.name == "other-001"
    assert other.history[0]["val_loss"] != one.history[0]["val_loss"]


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.cell": "lstm", "model.layers": 2, "model.dropout": 0.2, "compute.replicas": 2},
        {
            "model.cell": {"name": "simple_rnn", "activation": "relu"},
            "model.embedding": "one_hot",
            "compute.precision": "bfloat16",
        },
        {"training.optimizer": {"name": "adagrad", "learning_rate": 0.1}, "training.clip_norm": None},
        {"training.clip_norm": None, "training.clip_value": 0.1, "states": {"reset": "window"}},
        {"vocabulary.unknown": "replace", "split": {"train": 0.5, "validation": 0.25, "test": 0.25}},
    ],
)
def test_other_settings_train_too(tiny, console, overrides):
    run = keras_charrnn.fit(tiny, {**overrides, "samples.every_steps": 7}, console=console)
    assert run.metrics["val_loss"] < np.log(35)
    assert run.model.generate("the ", 5, seed=1)


def test_the_exponential_schedule_falls_by_epoch(tiny, console):
    tiny["training"] |= {"epochs": 4, "schedule": {"name": "exponential", "rate": 0.5, "from_epoch": 1}}
    rates = [row["learning_rate"] for row in keras_charrnn.fit(tiny, console=console).history]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.0025], rtol=1e-6)


def test_the_cosine_schedule_warms_up_and_ends_at_its_share(tiny, console):
    tiny["training"] |= {"epochs": 2, "schedule": {"name": "cosine", "warmup_steps": 10, "final": 0.1}}
    rates = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(callback.model.optimizer.learning_rate))
    )
    run = keras_charrnn.fit(tiny, callbacks=[callback], console=console)
    assert rates[0] == max(rates) and max(rates) == pytest.approx(0.01, rel=0.01)
    assert run.history[-1]["learning_rate"] == pytest.approx(0.001, rel=0.01)


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
        ({"training.optimizer.nonsense": 3}, SettingsError, "training.optimizer: Keras refuses"),
        ({"model.cell.nonsense": 3}, SettingsError, "model.cell: .* refuses"),
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
