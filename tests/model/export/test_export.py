"""Each format, loaded by its own runtime, writes what the model writes."""

import builtins
import json

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import keras_charrnn
from keras_charrnn.cli import export as command
from keras_charrnn.cli import main
from keras_charrnn.errors import ExtraError, RunError, SettingsError, WriteError
from keras_charrnn.model.export import FORMATS, read_weights
from keras_charrnn.text.windows import training_windows
from tests.conftest import TEXT
from tests.kinds import of_each_kind

LENGTH = 200


def saved_model(path):
    step = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda inputs: {name: value.numpy() for name, value in step(**inputs).items()}


def onnx(path):
    session = onnxruntime.InferenceSession(path)
    names = [each.name for each in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def litert(path):
    return lambda inputs: Interpreter(str(path)).get_signature_runner()(**inputs)


RUNTIMES = {"saved_model": saved_model, "onnx": onnx, "litert": litert}


@pytest.fixture(scope="module")
def model(once):
    """A model that has learned its text: its greedy one does not go round in circles of a few characters."""
    return keras_charrnn.load(once("to_export", train) / "model.keras")


def train(folder):
    keras.utils.set_random_seed(1)
    model = keras_charrnn.CharRNN(keras_charrnn.Vocabulary(TEXT), "lstm", 24, layers=2, embedding=6)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(training_windows(model.vocabulary.encode(TEXT), 4, 8), epochs=4, verbose=0)
    model.save(folder / "model.keras")


def write_greedily(step, facts, prefix):
    """Write with a step from another runtime, as its users would: a text of LENGTH characters after the prefix."""
    symbols = facts["symbols"]
    inputs = {name: np.array([each["initial"]], np.float32) for name, each in facts["states"].items()}
    text = prefix
    for place in range(len(prefix) + LENGTH - 1):
        outputs = step({"ids": np.array([symbols.index(text[place])], np.int32), **inputs})
        inputs = {name: outputs[f"next_{name}"] for name in inputs}
        if place >= len(prefix) - 1:
            text += symbols[int(outputs["logits"][0].argmax())]
    return text


@pytest.mark.parametrize("format", RUNTIMES)
def test_a_runtime_writes_the_models_200_greedy_characters_and_takes_any_number_of_rows(model, tmp_path, format, rng):
    path = model.export(tmp_path / "new" / f"step{FORMATS[format][0]}", format)
    facts = json.loads(path.with_suffix(".json").read_text())
    expected = model.generate("the ", LENGTH, temperature=0)
    assert len(set(expected[-50:])) > 10  # no circle of a few characters, which any step might find
    assert write_greedily(RUNTIMES[format](path), facts, "the ") == expected
    ids = np.array([1, 2, 3], np.int32)
    states = {name: rng.normal(size=(3, each["width"])).astype(np.float32) for name, each in facts["states"].items()}
    h0, c0, h1, c1 = (tf.constant(states[name]) for name in facts["states"])
    expected, _ = model.step(tf.constant(ids), [[h0, c0], [h1, c1]])
    outputs = RUNTIMES[format](path)({"ids": ids, **states})
    np.testing.assert_allclose(outputs["logits"], expected, atol=2e-4)


# Those with operations of their own, which a runtime might not have.
@pytest.mark.parametrize("cell", of_each_kind(kinds=["gru", "layer_norm_lstm", "slstm", "rg_lru", "rhn"]))
def test_every_cell_can_be_exported(make_model, tmp_path, cell):
    model = make_model(cell=cell, units=6)
    path = model.export(tmp_path / "step.tflite", "litert")
    facts = json.loads(path.with_suffix(".json").read_text())
    inputs = {name: np.array([each["initial"]], np.float32) for name, each in facts["states"].items()}
    outputs = litert(path)({"ids": np.array([2], np.int32), **inputs})
    expected, _ = model.step(tf.constant([2]), model.initial_states(1))
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-5)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_weights_hold_every_weight_by_its_path(model, tmp_path, suffix):
    arrays = read_weights(model.export(tmp_path / f"weights{suffix}", "weights"))
    assert set(arrays) == {weight.path for weight in model.weights}
    for weight in model.weights:
        np.testing.assert_array_equal(arrays[weight.path], weight)


def test_a_saved_model_takes_the_place_of_one_and_of_nothing_else(model, tmp_path):
    model.export(tmp_path / "step")
    (tmp_path / "step" / "old").touch()
    model.export(tmp_path / "step")
    assert not (tmp_path / "step" / "old").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(WriteError, match="mine is there and no SavedModel; choose another path"):
        model.export(tmp_path / "mine")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine", "step", "step.json"]


def test_only_an_earlier_export_gives_way_to_the_symbols(make_model, tmp_path):
    model = make_model(fresh_lines=True)
    (tmp_path / "weights.json").write_text('{"mine": 1}')
    with pytest.raises(WriteError, match=r"weights\.json, where the symbols .*, is there and is not of an export"):
        model.export(tmp_path / "weights.npz", "weights")
    assert [each.name for each in tmp_path.iterdir()] == ["weights.json"]
    for _ in range(2):
        path = model.export(tmp_path / "mine.npz", "weights")
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["symbols"] == model.vocabulary.symbols and facts["fresh_lines"]


@pytest.mark.parametrize("format", RUNTIMES)
def test_a_runtime_reads_each_line_from_nothing_where_the_model_does(make_model, tmp_path, format):
    model = make_model(layers=2, fresh_lines=True)
    path = model.export(tmp_path / f"step{FORMATS[format][0]}", format)
    step, facts = RUNTIMES[format](path), json.loads(path.with_suffix(".json").read_text())
    inputs = {name: np.ones((1, each["width"]), np.float32) for name, each in facts["states"].items()}
    ids = np.array([facts["symbols"].index("\n")], np.int32)
    expected, _ = model.step(tf.constant(ids), model.initial_states(1))
    np.testing.assert_allclose(step({"ids": ids, **inputs})["logits"], expected, atol=1e-5)


@pytest.mark.parametrize(
    "format", ["onnx", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("saved_model", "litert"))]
)
def test_a_runtime_looks_up_pairs_and_triples_of_characters(make_model, tmp_path, rng, format):
    model = make_model(ngrams=3, fresh_lines=True)
    for table in model.ngrams.tables:
        table.assign(rng.normal(size=table.shape))
    path = model.export(tmp_path / f"step{FORMATS[format][0]}", format)
    step, facts = RUNTIMES[format](path), json.loads(path.with_suffix(".json").read_text())
    assert facts["states"]["previous"] == {"width": 2, "initial": [0, 0]}
    ids = np.array([facts["symbols"].index(each) for each in "the\nfox"], np.int32)
    inputs = {name: np.array([each["initial"]], np.float32) for name, each in facts["states"].items()}
    expected, _ = model.run(ids[None], model.initial_states(1))
    for each, logits in zip(ids, expected[0], strict=True):
        outputs = step({"ids": each[None], **inputs})
        inputs = {name: outputs[f"next_{name}"] for name in inputs}
        np.testing.assert_allclose(outputs["logits"][0], logits, atol=1e-4)


@pytest.mark.parametrize(
    ("format", "path", "message"),
    [
        ("onx", "a.onnx", "one of saved_model, onnx, litert, weights, torch, half, html; received 'onx'"),
        ("onnx", "a.tflite", "onnx is written to a path that ends in .onnx; received a.tflite"),
        ("weights", "a", "ends in .npz or .safetensors; received a"),
        ("saved_model", "a.onnx", "ends in no suffix"),
    ],
)
def test_a_format_or_an_ending_that_is_none_is_an_error(model, format, path, message):
    with pytest.raises(SettingsError, match=message):
        model.export(path, format)


def test_a_missing_package_names_the_extra(model, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith(("tf2onnx", "safetensors")):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr("importlib.import_module", missing)
    monkeypatch.setattr("builtins.__import__", missing)
    with pytest.raises(ExtraError, match=r'the format onnx needs: pip install "keras-charrnn\[onnx\]"'):
        model.export("a.onnx", "onnx")
    with pytest.raises(ExtraError, match=r'pip install "keras-charrnn\[safetensors\]"'):
        model.export("a.safetensors", "torch")


def test_a_place_that_cannot_be_written_is_named(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file cannot be made: File exists"):
        model.export(tmp_path / "file" / "a.npz", "weights")


def test_a_damaged_file_of_weights_is_named(tmp_path):
    with pytest.raises(RunError, match=r"there is no file none.npz"):
        read_weights("none.npz")
    with pytest.raises(RunError, match=r"must end in .npz or .safetensors"):
        read_weights("weights.pt")
    for name in ("a.npz", "a.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(RunError, match=f"{name} is no"):
            read_weights(name)


def test_the_program_knows_the_formats_without_keras_and_fails_in_one_line(capsys):
    assert tuple(FORMATS) == command.FORMATS
    assert main(["export", ".", "--format", "onnx"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "keras-charrnn: . is not a run folder: it has no recipe.yaml\n"


def test_the_program_exports_into_the_run(model, capsys):
    model.save("model.keras")
    assert main(["export", "model.keras", "--format", "litert"]) == 0
    assert capsys.readouterr().out == "written to litert.tflite, with litert.json\n"
    assert main(["export", "model.keras", "--format", "weights", "--output", "w.safetensors"]) == 0
    assert main(["export", "model.keras", "--format", "onnx", "--output", "w"]) == 2
    assert "ends in .onnx" in capsys.readouterr().err
