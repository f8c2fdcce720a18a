"""The model: steps and windows, training with carried states, replicas, its file."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.errors import CellError, RegistryError, RunError, SettingsError, WriteError
from keras_charrnn.model import load_model
from keras_charrnn.registry import cells, load_plugin
from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import GradientClipping, StateReset
from tests.conftest import TEXT
from tests.kinds import of_each_kind

SHAPES = [
    {},
    {"embedding": "one_hot"},
    {"layers": 3},
    {"layers": 2, "fresh_lines": True},
    {"cell": "lstm", "layers": 2, "embedding": "one_hot"},
]
SHORT = TEXT[:300]


def random_ids(model, rng, shape):
    return tf.constant(rng.integers(0, len(model.vocabulary), shape), tf.int32)


@pytest.mark.parametrize("settings", SHAPES)
def test_steps_equal_a_window(make_model, rng, settings):
    steps_equal_a_window(make_model(**settings), rng)


@pytest.mark.parametrize("cell", of_each_kind())
def test_steps_of_each_cell_equal_a_window(make_model, rng, cell):
    steps_equal_a_window(make_model(cell=cell), rng)


def steps_equal_a_window(model, rng):
    ids, states = random_ids(model, rng, (3, 9)), model.initial_states(3)
    logits, after = model.run(ids, states)
    table = model.table(len(model.vocabulary))
    for t in range(9):
        looked_up, _ = model.step(ids[:, t], states, table)
        stepped, states = model.step(ids[:, t], states)
        for found in (stepped, looked_up):
            np.testing.assert_allclose(found, logits[:, t], atol=1e-5)
    read = model.read(tf.transpose(ids), model.initial_states(3))
    for found in (states, read):
        tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, after)
    assert logits.shape == (3, 9, len(model.vocabulary))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layers": 2, "fresh_lines": True},
        {"cell": "rhn"},
        *(
            pytest.param(each, marks=pytest.mark.thorough)
            for each in (*SHAPES, *({"cell": name} for name in cells.names()))
            if each not in ({}, {"layers": 2, "fresh_lines": True}, {"cell": "rhn"})
        ),
    ],
)
def test_a_prediction_is_that_of_a_window(make_model, rng, settings):
    model = make_model(**settings)
    ids = random_ids(model, rng, (3, 9))
    logits, _ = model.run(ids, model.initial_states(3))
    np.testing.assert_allclose(model.predict(ids.numpy(), verbose=0), logits, atol=1e-5)


def test_a_vocabulary_larger_than_the_window_gives_the_same(rng):
    model = CharRNN(Vocabulary("".join(map(chr, range(300)))), units=4)
    ids, states = random_ids(model, rng, (2, 3)), model.initial_states(2)
    assert model.table(299) is None
    assert model.table(300).shape == (300, 12)
    logits, _ = model.run(ids, states)
    for t in range(3):
        stepped, states = model.step(ids[:, t], states)
        np.testing.assert_allclose(stepped, logits[:, t], atol=1e-5)


def test_stacked_layers_have_weights_of_their_own(make_model):
    model = make_model(layers=2)
    first, second = (layer.cell.recurrent_kernel for layer in model.recurrent)
    assert first is not second
    before = second.numpy()
    first.assign(first * 0)
    np.testing.assert_array_equal(second, before)
    assert len(model.trainable_weights) == 1 + 2 * 3 + 2


def fit(
    model, text=TEXT, epochs=1, batch_size=4, length=8, callbacks=(), random_offset=False, validate=False, **options
):
    ids = model.vocabulary.encode(text)
    model.compile(keras.optimizers.SGD(0.1), **options)
    data = windows.training_windows(ids, batch_size, length, random_offset)
    validation = windows.evaluation_windows(ids) if validate else None
    return model.fit(data, epochs=epochs, verbose=0, callbacks=callbacks, validation_data=validation)


@pytest.fixture
def with_ngrams(make_model, rng):
    """A model that tells pairs and triples of characters apart."""
    model = make_model(ngrams=3)
    for table in model.ngrams.tables:
        table.assign(rng.normal(size=table.shape))
    return model


def all_states(model):
    return [state.numpy() for layer in model.state_layers for state in layer.states]


def assert_close(states, wanted):
    for one, other in zip(states, tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_training_carries_the_states_with_its_mean_loss_and_validation_leaves_them(with_ngrams):
    model = with_ngrams
    model.compile(keras.optimizers.SGD(0.0))  # the weights stay, so that the states can be worked out
    ids = model.vocabulary.encode(SHORT)
    data = windows.training_windows(ids, 4, 5)
    history = model.fit(data, verbose=0, callbacks=[StateReset("epoch")])
    rows, targets = (np.concatenate(each, 1) for each in zip(*data.dataset.as_numpy_iterator(), strict=True))
    logits, wanted = model.run(tf.constant(rows), model.initial_states(4))
    picked = np.take_along_axis(tf.nn.softmax(logits).numpy(), targets[..., None], -1)
    np.testing.assert_allclose(history.history["loss"][0], -np.log(picked).mean(), rtol=1e-5)
    assert_close(all_states(model), wanted)
    kept = all_states(model)
    model.evaluate(windows.evaluation_windows(ids[:17], length=16), verbose=0)
    model.generate("the", 20)
    model.score("the fox")
    model.predict(rows[:2], verbose=0)
    for one, other in zip(all_states(model), kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_states_are_reset_as_asked(with_ngrams):
    model = with_ngrams
    model.compile(keras.optimizers.SGD(0.0))
    data = windows.training_windows(model.vocabulary.encode(SHORT), 4, 5)
    rows = np.concatenate([inputs for inputs, _ in data.dataset.as_numpy_iterator()], 1)
    wanted = {0: model.initial_states(4)}
    for epochs in (1, 2):
        _, wanted[epochs] = model.run(tf.constant(rows), wanted[epochs - 1])
    for when, epochs in (("never", 2), ("epoch", 1), ("window", 0)):
        model.reset_states()
        model.fit(data, epochs=2, verbose=0, callbacks=[StateReset(when)])
        assert_close(all_states(model), wanted[epochs])
        assert model.carry_states


@pytest.mark.parametrize("cell", of_each_kind(["lstm", "min_gru"], kinds=["lstm"]))
def test_with_fresh_lines_every_line_is_read_alone(make_model, cell, tmp_path):
    model = make_model(cell=cell, layers=2, fresh_lines=True, ngrams=3)
    fit(model, SHORT, batch_size=2, length=5)  # lines end anywhere in its windows
    lines = ["the quick brown", "How vexingly"]
    together = model.score("\n" + "\n".join(lines)).nats
    alone = [model.score("\n" + line).nats for line in lines]
    # What stands before a line end predicts it; what follows it does not depend on what stands before.
    np.testing.assert_allclose(together[: len(lines[0])], alone[0], atol=1e-5)
    np.testing.assert_allclose(together[len(lines[0]) + 1 :], alone[1], atol=1e-5)
    greedy = [model.generate(prefix=before + "\n", length=20, temperature=0) for before in ("the fox", "How jump")]
    assert greedy[0].split("\n", 1)[1] == greedy[1].split("\n", 1)[1]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.score("\n" + "\n".join(lines)).nats, together, atol=1e-6)


def test_fresh_lines_need_a_text_with_line_ends(make_model):
    with pytest.raises(SettingsError, match=r"states\.reset: line.* needs a text with line ends; this one has none"):
        make_model(text="no line ends", fresh_lines=True)


def test_fresh_lines_need_a_cell_of_the_fast_loop(make_model):
    with pytest.raises(CellError, match=r"MogrifierLSTM is no GatedCell, .* or states.reset epoch"):
        make_model(cell="mogrifier_lstm", fresh_lines=True)


def test_evaluation_counts_every_character_from_a_carried_state(with_ngrams):
    model = with_ngrams
    model.compile()
    text = TEXT[: 65 * 32 + 1]  # long enough for rows side by side
    ids = model.vocabulary.encode(text)
    whole = windows.evaluation_windows(ids)
    assert whole.shape[0] > 1
    logits, _ = model.run(tf.constant(ids[None, :-1].astype("int32")), model.initial_states(1))
    log_probabilities = tf.nn.log_softmax(logits[0]).numpy()
    wanted = -log_probabilities[np.arange(len(ids) - 1), ids[1:]].mean()
    for _ in range(2):  # from the initial states each time
        np.testing.assert_allclose(model.evaluate(whole, verbose=0), wanted, rtol=1e-4)
    np.testing.assert_allclose(model.score(text).nats_per_character, wanted, rtol=1e-4)


def test_training_learns(make_model):
    model = make_model(dropout=0.1)
    clipping = GradientClipping(norm=1.0)
    history = fit(model, epochs=3, random_offset=True, callbacks=[clipping], validate=True).history
    assert history["val_loss"][-1] < history["val_loss"][0] < np.log(len(model.vocabulary))
    assert 0 <= history["clipped"][0] <= 1 < history["gradient_norm"][0] * 10


def weights_after(make_model, replicas, steps=1, **settings):
    keras.utils.set_random_seed(5)
    model = make_model(**settings)
    model.replicas = replicas
    fit(model, length=4, callbacks=[StateReset(), GradientClipping(norm=0.5)], steps_per_execution=steps)
    return model.get_weights(), all_states(model)


@pytest.mark.parametrize("layers", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_two_replicas_train_like_one_and_so_do_several_steps_per_execution(make_model, layers):
    one, two, several = (weights_after(make_model, *how, layers=layers, ngrams=2) for how in ((1, 1), (2, 1), (1, 7)))
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert_close(one[1], two[1])
    for a, b in zip(one[0], several[0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_same_seed_starts_from_the_same_weights(make_model):
    """That it then draws the same is in test_composition.py."""
    models = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        models.append(make_model(dropout=0.3).get_weights())
    for a, b in zip(*models[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    assert (models[0][0] != models[2][0]).any()


@pytest.mark.thorough
def test_the_same_seed_trains_the_same_weights(make_model):
    one, two = (weights_after(make_model, 2, dropout=0.3) for _ in range(2))
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_that_does_not_divide_is_refused(make_model):
    model = make_model()
    model.replicas = 2
    with pytest.raises(SettingsError, match=r"batch_size 3 does not divide among compute.replicas 2; take a multiple"):
        fit(model, batch_size=3)


def test_windows_of_unknown_shape_are_refused(make_model):
    model = make_model()
    model.compile()
    data = tf.data.Dataset.from_tensor_slices((np.zeros((6, 4), "int32"),) * 2).batch(4)
    with pytest.raises(SettingsError, match="drop_remainder=True"):
        model.fit(data)


def test_the_loss_is_the_models_own(make_model):
    with pytest.raises(SettingsError, match="call compile without `loss`"):
        make_model().compile("adam", loss="mse")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers must be a whole number of 1 or more; received 0"),
        ({"embedding": 0}, "embedding must be .* or 'one_hot'; received 0"),
        ({"embedding": "onehot"}, "received 'onehot'"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1; received 1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make_model, settings, message):
    with pytest.raises(SettingsError, match=message):
        make_model(**settings)
    model = make_model()
    with pytest.raises(SettingsError, match="precision must be float32, bfloat16 or float64; received 'float16'"):
        model.precision = "float16"


def test_an_unknown_cell_is_refused_with_the_nearest_name(make_model):
    with pytest.raises(RegistryError, match="unknown cell 'gruu', did you mean 'gru'"):
        make_model(cell="gruu")


@pytest.mark.thorough  # tests/testing/test_check.py reads files elsewhere
@pytest.mark.parametrize("shapes", [SHAPES[:1], pytest.param(SHAPES, marks=pytest.mark.thorough)])
def test_one_file_is_enough_to_generate_in_a_fresh_process(make_model, tmp_path, shapes):
    models = [make_model(**settings) for settings in shapes]
    for index, model in enumerate(models):
        model.save(tmp_path / f"{index}.keras")
    code = "import keras_charrnn, json, sys\nfor path in sys.argv[1:]:\n  m = keras_charrnn.load(path)\n"
    code += "  print(json.dumps([m.generate('the ', 60, seed=3), m.score('the fox').nats_per_character]))"
    command = [sys.executable, "-c", code, *(f"{index}.keras" for index in range(len(models)))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    for line, model in zip(done.stdout.splitlines(), models, strict=True):
        text, nats = json.loads(line)
        assert text == model.generate("the ", 60, seed=3)
        np.testing.assert_allclose(nats, model.score("the fox").nats_per_character, rtol=1e-6)


def test_the_file_holds_no_optimizer_and_saving_leaves_the_model_trainable(make_model, tmp_path):
    model = make_model()
    fit(model, SHORT)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert "compile_config" not in config
    assert (tmp_path / "m.keras").stat().st_size < 8 * model.count_params() + 40_000
    before = model.get_weights()
    model.fit(windows.training_windows(model.vocabulary.encode(SHORT), 4, 8), verbose=0)
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    assert list(tmp_path.iterdir()) == [tmp_path / "m.keras"]


def test_a_file_whose_plugin_is_missing_names_it(monkeypatch, tmp_path):
    (tmp_path / "my_cell.py").write_text(
        "import keras_charrnn\n@keras_charrnn.register_cell('mine')\nclass Mine(keras_charrnn.GatedCell):\n"
        "    gates = ('a',)\n    def combine(self, zx, zr, states):\n        return {'h': zx + zr}\n"
    )
    with monkeypatch.context() as another_session:
        another_session.setattr(cells, "_entries", dict(cells._entries))
        load_plugin("my_cell.py")
        CharRNN(Vocabulary("ab"), "mine", 2).save("m.keras")
    assert "mine" not in cells
    with pytest.raises(RegistryError, match=r"cell 'mine' is registered by .*my_cell\.py, which has not been imported"):
        load_model(tmp_path / "m.keras")


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "foreign"])
def test_a_file_that_is_no_model_is_named(make_model, tmp_path, damage):
    path = tmp_path / "m.keras"
    make_model().save(path)
    if damage == "missing":
        path.unlink()
    elif damage == "foreign":
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(path)
    else:
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"hello", "cut": data[: len(data) // 2]}[damage])
    with pytest.raises(RunError, match=r"m\.keras"):
        load_model(path)


def test_a_save_that_fails_keeps_what_was_there(make_model, tmp_path):
    model, path = make_model(), tmp_path / "folder" / "m.keras"
    with pytest.raises(WriteError, match=r"m\.keras cannot be written"):
        model.save(path)
    assert not list(tmp_path.iterdir())
