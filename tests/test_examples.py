"""The examples run, each as its own docstring says, on less text and fewer units."""

import ast
import importlib.util
import pathlib
import re
import runpy
import sys
import sysconfig

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_charrnn
from keras_charrnn import registry
from keras_charrnn.errors import VocabularyError

EXAMPLES = pathlib.Path(keras_charrnn.__file__).parents[1] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs an example as a program in this process, which has TensorFlow."""

    def run_here(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        except SystemExit as end:
            assert not end.code, end.code
        return capsys.readouterr().out

    return run_here


def load(name):
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_begins_with_its_command(path):
    assert f"    python examples/{path.name}" in ast.get_docstring(ast.parse(path.read_text()), clean=False)


def test_the_custom_cell_trains(run, tmp_path):
    out = run(
        "custom_cell.py", "--set", "model.units=16", "--set", "corpus.max_bytes=20000", "--set", "training.epochs=1",
        "--set", "samples.every_epochs=1", "--set", "windows.length=8",
    )  # fmt: skip
    assert "1 x coupled_lstm 16" in out and "best validation loss" in out and "def " in out
    assert (tmp_path / "runs" / "custom-cell-001" / "model.keras").is_file()


def test_the_custom_cell_is_at_most_twenty_lines():
    tree = ast.parse((EXAMPLES / "custom_cell.py").read_text())
    (cell,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert cell.end_lineno - cell.decorator_list[0].lineno + 1 <= 20


def test_byte_pairs_are_a_vocabulary_of_ones_own(run, tmp_path, monkeypatch):
    pytest.importorskip("tokenizers")
    out = run(
        "byte_pair_encoding.py", "--set", "model.units=16", "--set", "corpus.max_bytes=20000", "--set",
        "training.epochs=1", "--set", "samples.every_epochs=1", "--set", "vocabulary.unit.size=150", "--set",
        "windows.length=8",
    )  # fmt: skip
    assert "150 symbols (unit: bpe)" in out and "def " in out
    registry.vocabularies._entries.pop("bpe", None)
    model = keras_charrnn.load(tmp_path / "runs" / "byte-pairs-001", plugins=[EXAMPLES / "byte_pair_encoding.py"])
    text = "def test(self):\n    return 'naïve'\n"
    vocabulary = model.vocabulary.with_added("ï")
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text and len(ids) < len(text) - 5
    assert vocabulary.symbols[: len(model.vocabulary)] == model.vocabulary.symbols
    with pytest.raises(VocabularyError, match="has the character 'ï'"):
        model.vocabulary.encode(text)


@pytest.mark.thorough  # the custom cell is a plugin of its own too, and tests/runs trains on lines
def test_the_names_example_invents_names(run, tmp_path, monkeypatch):
    """It reads a part of the library here."""
    part = pathlib.Path(sysconfig.get_path("stdlib")) / "asyncio"
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(part))
    out = run(
        "names.py", "--count=5", "--set", "model.units=16", "--set", "training.epochs=1", "--set",
        "corpus.max_bytes=8000", "--set", "samples.every_epochs=0", "--set", "windows.length=8",
    )  # fmt: skip
    assert "corpus   python_names: 8,000 characters" in out and "1 x rms_norm_lstm 16" in out
    names = out.split("not among them:\n")[1].split("\n")[:5]
    assert len({*names}) == 5 and all(name.startswith("    ") and name.strip() for name in names)
    assert "reset: line" in (tmp_path / "runs" / "names-001" / "recipe.yaml").read_text()
    assert keras_charrnn.load(tmp_path / "runs" / "names-001").get_config()["fresh_lines"]


@pytest.mark.parametrize("length", [8, pytest.param(64, marks=pytest.mark.thorough)])
def test_the_shakespeare_example_trains_through_the_python_api(run, tmp_path, shakespeare, monkeypatch, length):
    """Of its windows of 64 characters all steps are traced one by one."""
    make = keras_charrnn.windows.training_windows

    def make_shorter(ids, **how):
        return make(ids, **{**how, "length": length})

    monkeypatch.setattr(keras_charrnn.windows, "training_windows", make_shorter)
    out = run("shakespeare.py", "--epochs=1", "--units=16", "--characters=60000")
    assert "ROMEO:" in out and "validation loss" in out.splitlines()[-1]
    assert (tmp_path / "shakespeare.keras").is_file()


@pytest.mark.parametrize(("cell", "embedding"), [("simple_rnn", 5), ("gru", "one_hot"), ("lstm", 5)])
def test_the_gradient_by_hand_is_the_engines(cell, embedding, capsys, float64):
    # 70 characters are more than the loop writes out as a whole.
    assert load("bptt_by_hand.py").main(cell, 8, embedding, 70) == 0
    out = capsys.readouterr().out
    weights = ["kernel", "recurrent_kernel", "bias", "head_kernel", "head_bias"]
    for weight in weights if embedding == "one_hot" else ["embedding", *weights]:
        (row,) = re.findall(rf"│ {weight} +│.*│ *(\S+) *│ *(\S+) *│", out)
        assert float(row[0]) <= 1e-4 and float(row[1]) <= 1e-12
    assert "within 0.0001" in out and "within 1e-05" in out


def test_the_gradient_by_hand_is_a_program(run, float64):  # which it leaves behind
    out = run("bptt_by_hand.py", "--cell=gru", "--units=4", "--length=5")
    assert "float64: gru, loss" in out and "BEYOND" not in out


@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm"])
def test_the_gradient_by_hand_is_that_of_finite_differences(cell, rng):
    example = load("bptt_by_hand.py")
    gates, states = {"simple_rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}[cell]
    shapes = {
        "embedding": (5, 3), "kernel": (3, 4 * gates), "recurrent_kernel": (4, 4 * gates),
        "bias": (2, 4 * gates) if cell == "gru" else (4 * gates,), "head_kernel": (4, 5), "head_bias": (5,),
    }  # fmt: skip
    weights = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    ids, targets = rng.integers(0, 5, (2, 6, 2))
    window = ids, targets, [rng.normal(size=(2, 4)) for _ in range(states)]
    _, gradient = example.by_hand(cell, weights, *window)
    for name, weight in weights.items():
        direction = rng.normal(size=weight.shape)
        up, down = (
            example.by_hand(cell, {**weights, name: weight + step * direction}, *window)[0] for step in (1e-5, -1e-5)
        )
        np.testing.assert_allclose((up - down) / 2e-5, (gradient[name] * direction).sum(), rtol=1e-6, atol=1e-9)


def test_a_wrong_gradient_by_hand_is_told(monkeypatch, capsys, float64):
    example = load("bptt_by_hand.py")
    forward, backward = example.CELLS["lstm"]

    def wrong(d_states, memory):
        d_zx, d_zr, (d_h, _) = backward(d_states, memory)
        return d_zx, d_zr, [d_h, np.zeros_like(d_h)]  # the gradient of c ends here

    monkeypatch.setitem(example.CELLS, "lstm", (forward, wrong))
    assert example.main("lstm", 6, 4, 20) == 1
    assert "BEYOND 1e-05" in capsys.readouterr().out


def test_the_model_without_abstractions_learns_and_writes(run):
    out = run(
        "without_abstractions.py", "--characters=60000", "--units=32", "--epochs=3", "--prefix=def ",
        "--temperature=1",
    )  # fmt: skip
    guess = float(re.search(r"costs (\S+) nats", out)[1])
    losses = [float(loss) for loss in re.findall(r"train (\S+) nats", out)]
    assert len(losses) == 3 and losses[2] < losses[1] < losses[0] < guess and losses[2] < guess - 1
    texts = re.split(r"--- temperature \S+ ---\n", out)[1:]
    assert len(texts) == 2 and texts[0] != texts[1]
    assert all(text.startswith("def ") and len(text) == len("def ") + 200 + 1 for text in texts)


@pytest.mark.parametrize(
    ("rows", "prefix", "message"),
    [(64, "Thou", "too few for 64 rows of 50"), (2, "XY", "only such as the text has"), (2, "", "at least one char")],
)
def test_the_model_without_abstractions_refuses_what_it_cannot_do(tmp_path, rows, prefix, message):
    (tmp_path / "my.txt").write_text("Thou art more lovely. " * 20)
    with pytest.raises(SystemExit, match=message):
        load("without_abstractions.py").main("my.txt", None, rows, 50, 8, 0.1, 1, prefix, 1.0)


def test_the_model_without_abstractions_is_the_one_with_them(make_model, rng):
    example = load("without_abstractions.py")
    model = make_model(cell="simple_rnn", units=7, embedding="one_hot")
    symbols = len(model.vocabulary)
    variables = example.make_variables(symbols, 7)
    model.set_weights([variable.numpy() for variable in variables])
    ids, states = rng.integers(0, symbols, (2, 3, 9)).astype("int32"), model.initial_states(3)
    logits, ((after,),) = model.run(tf.constant(ids[0]), states)
    wanted = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[1], logits))
    loss, state = example.window_loss(variables, *map(tf.constant, ids), states[0][0])
    np.testing.assert_allclose(loss, wanted, atol=1e-6)
    np.testing.assert_allclose(state, after, atol=1e-6)

    # Its Adagrad is Keras's.
    theirs, optimizer = [tf.Variable(variable) for variable in variables], keras.optimizers.Adagrad(0.1)
    train = example.make_training_step(variables, 0.1)
    for _ in range(3):
        train(*map(tf.constant, ids), states[0][0])
        with tf.GradientTape() as tape:
            loss, _ = example.window_loss(theirs, *map(tf.constant, ids), states[0][0])
        optimizer.apply(tape.gradient(loss, theirs), theirs)
    for mine, keras_own in zip(variables, theirs, strict=True):
        np.testing.assert_allclose(mine, keras_own, atol=1e-5)


@pytest.mark.thorough  # the next ones run the program on a run that is there, and know the shares by hand
@pytest.mark.plots
def test_the_gradient_of_a_trained_simple_network_vanishes_first(run, tmp_path):
    pytest.importorskip("matplotlib")
    out = run("vanishing_gradient.py", "--characters=60000", "--units=64", "--epochs=2", "--distance=60")
    before, after = ([float(share) for share in row] for row in re.findall(r"│ 60 +│ (\S+) +│ (\S+) +│ (\S+) +│", out))
    assert before[0] < 1e-3 * before[2]  # the lstm's forget gate starts more open
    assert after[0] < 1e-3 * min(after[1:]) and after[0] < before[0]
    if importlib.util.find_spec("matplotlib"):
        assert (tmp_path / "vanishing_gradient.png").read_bytes().startswith(b"\x89PNG")


def test_the_gradient_of_a_trained_run_needs_no_matplotlib(run, tmp_path, tiny, console, monkeypatch):
    """Nor is there any: the tests that are not marked with `plots` cannot import it."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # another test may have imported it already
    recipe = {**tiny, "model": {"cell": "lstm", "units": 8, "layers": 2}}
    keras_charrnn.fit(recipe, {"training.epochs": 1}, runs_dir=tmp_path, console=console)
    out = run("vanishing_gradient.py", "--run=tiny-001", "--distance=7")
    assert "trained runs" in out and len(re.findall(r"│ [1257] +│ \S+ +│", out)) == 4
    assert 'pip install "keras-charrnn[plots]"' in out


def test_the_share_of_the_gradient_is_that_of_the_chain_of_jacobians(make_model):
    """Of a linear network with a kernel k U, U orthogonal, exactly k of the gradient is left after each step."""
    model = make_model(cell="simple_rnn", cell_arguments={"activation": "linear"})
    (cell,) = (layer.cell for layer in model.recurrent)
    cell.recurrent_kernel.assign(0.8 * keras.initializers.Orthogonal(1)(cell.recurrent_kernel.shape))
    ids = model.vocabulary.encode("the quick brown fox jumps over the lazy dog. " * 5)
    shares = load("vanishing_gradient.py").gradient_shares(model, ids, 20)
    np.testing.assert_allclose(shares, 0.8 ** np.arange(21), rtol=1e-4)
