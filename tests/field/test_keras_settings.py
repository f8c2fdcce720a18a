"""Settings of Keras's and TensorFlow's own, wherever they come from: all works, or one line names the setting."""

import json
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common import keras_settings
from keras_charrnn.errors import SettingsError


@pytest.fixture
def policy():
    """Have Keras's policy be as it was, after the test."""
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "int8_from_float32"])
def test_a_policy_of_half_precision_is_named_before_anything_is_written(
    trained, tiny, policy, make_model, tmp_path, name
):
    keras.config.set_dtype_policy(name)
    message = rf"^keras\.config\.set_dtype_policy\('{name}'\) asks for .* take float32 .* compute\.precision"
    for make in (
        lambda: keras_charrnn.fit(tiny),
        lambda: keras_charrnn.load(trained.folder),
        make_model,
        lambda: keras_charrnn.Recurrent(keras.layers.GRUCell(3)),
    ):
        with pytest.raises(SettingsError, match=message):
            make()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["float16", "float64"])
def test_a_type_of_numbers_is_named_with_where_it_comes_from(tiny, policy, tmp_path, monkeypatch, name):
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    with pytest.raises(SettingsError, match=rf"keras\.config\.set_floatx\('{name}'\) asks for"):
        keras_charrnn.fit(tiny)
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": name}))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match=rf'"floatx": "{name}" in {tmp_path}/keras\.json asks for'):
        keras_charrnn.fit(tiny)


def test_a_type_of_a_cell_or_layer_of_its_own_is_named():
    for make in (
        lambda: keras_charrnn.Recurrent(keras_charrnn.cells.GRU(3, dtype="float16")),
        lambda: keras_charrnn.Recurrent(keras_charrnn.cells.GRU(3), dtype="mixed_bfloat16"),
    ):
        with pytest.raises(SettingsError, match=r"^dtype='(float16|mixed_bfloat16)' asks for"):
            make()


def test_a_model_writes_text_under_a_type_of_64_bits(trained, policy):
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    assert len(keras_charrnn.load(trained.folder).generate("the ", 5, seed=1)) == len("the ") + 5


def test_no_model_is_made_inside_a_strategy(trained, tiny, tmp_path):
    for make in (lambda: keras_charrnn.fit(tiny), lambda: keras_charrnn.load(trained.folder)):
        with (
            tf.distribute.OneDeviceStrategy("/CPU:0").scope(),
            pytest.raises(
                SettingsError, match=r"^a CharRNN .* scope of a tf\.distribute strategy: .* compute\.replicas"
            ),
        ):
            make()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["max_epochs", "max_steps_per_epoch"])
def test_a_limit_of_keras_on_all_trainings_is_named(tiny, tmp_path, monkeypatch, name):
    if not hasattr(keras.config, f"set_{name}"):
        pytest.skip("this release of Keras has no such limit")
    limit = getattr(keras.config, f"set_{name}")
    limit(1)
    try:
        with pytest.raises(SettingsError, match=rf"to end each training early, for keras\.config\.set_{name}"):
            keras_charrnn.fit(tiny)
        monkeypatch.setenv(f"KERAS_{name.upper()}", "1")
        with pytest.raises(SettingsError, match=rf"KERAS_{name.upper()}=1 in the environment"):
            keras_charrnn.resume("runs/tiny-001")
    finally:
        limit(None)


def test_tensorflow_without_eager_execution_is_named(trained, tiny, make_model, tmp_path):
    for make in (lambda: keras_charrnn.fit(tiny), lambda: keras_charrnn.load(trained.folder), make_model):
        with (
            tf.Graph().as_default(),  # what tf.compat.v1.disable_eager_execution amounts to, but for good
            pytest.raises(SettingsError, match=r"^TensorFlow executes nothing eagerly, .*disable_eager_execution"),
        ):
            make()
    assert not (tmp_path / "runs").exists()


# In a process that has not imported Keras: (environment, keras.json, what is said).
BACKENDS = [
    ({"KERAS_BACKEND": "jax"}, {}, "'jax', for KERAS_BACKEND=jax in the environment"),
    ({"KERAS_BACKEND": "torch"}, {"backend": "tensorflow"}, "'torch', for KERAS_BACKEND=torch in the environment"),
    ({}, {"backend": "jax"}, '\'jax\', for "backend": "jax" in {}'),
    ({"KERAS_BACKEND": "tensorflow"}, {"floatx": "float16"}, '"floatx": "float16" in {}'),
    ({"KERAS_BACKEND": "tensorflow"}, {"backend": "jax"}, None),
    ({"KERAS_BACKEND": ""}, {"backend": "tensorflow"}, None),
    ({}, {}, None),
]


@pytest.mark.parametrize(("environment", "written", "said"), BACKENDS)
def test_another_backend_is_named_before_keras_is_imported(monkeypatch, tmp_path, environment, written, said):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name, value in {"KERAS_HOME": str(tmp_path), **environment}.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "keras.json"
    file.write_text(json.dumps(written))
    if said is None:
        keras_settings.require_tensorflow()
    else:
        with pytest.raises(SettingsError) as raised:
            keras_settings.require_tensorflow()
        assert said.replace("{}", str(file)) in str(raised.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '"a"', "{}"])
def test_a_damaged_file_of_keras_is_an_empty_one(monkeypatch, tmp_path, content):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(content)
    keras_settings.require_tensorflow()


def test_whatever_needs_keras_says_so_first(tmp_path):
    """Without any import of Keras, which another backend lets fail: in one process, by each way in."""
    ways = ["CharRNN", "fit", "Recurrent", "GatedCell", "cells", "windows", "callbacks", "testing", "layers"]
    program = f"""
import importlib, os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras_charrnn
for name in {ways!r}:
    try:
        getattr(keras_charrnn, name)
    except keras_charrnn.errors.SettingsError as error:
        print(str(error).partition(";")[0])
for name in {["engine.scan", "model", "training.start", "views.inspection.trace", "text.windows"]!r}:
    try:
        importlib.import_module(f"keras_charrnn.{{name}}")
    except keras_charrnn.errors.SettingsError as error:
        print(str(error).partition(";")[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines.count("Keras is to run on 'jax', for KERAS_BACKEND=jax in the environment") == len(ways) + 5, lines


def test_the_program_runs_on_tensorflow_whatever_the_environment_says(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert main(["corpora"]) == 0
    keras_settings.require_tensorflow()
    assert "tiny_shakespeare" in capsys.readouterr().out
