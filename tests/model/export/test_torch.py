"""Weights to and from PyTorch compute the same, by PyTorch's documented equations and, where there is one, by PyTorch.

TORCH=python-with-torch in the environment names an interpreter that has it.
"""

import os
import pathlib
import subprocess

import numpy as np
import pytest
import tensorflow as tf

import keras_charrnn
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.export import to_torch

KINDS = {"simple_rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
SYMBOLS = "thequickbrownfxjmpsvlazydg. "
PROGRAM = """
import sys, numpy as np, torch
kind, layers, units, width = sys.argv[1], *map(int, sys.argv[2:5])
arrays = {name: torch.from_numpy(array) for name, array in np.load("torch.npz").items()}
symbols = len(arrays["head.bias"])
rnn = getattr(torch.nn, kind)(width, units, layers)
model = torch.nn.ModuleDict({"rnn": rnn, "head": torch.nn.Linear(units, symbols)})
if "embedding.weight" in arrays:
    model["embedding"] = torch.nn.Embedding(symbols, width)
print(model.load_state_dict(arrays))
ids = torch.from_numpy(np.load("ids.npy"))
x = model["embedding"](ids) if "embedding" in model else torch.nn.functional.one_hot(ids, symbols).float()
np.save("logits.npy", model["head"](model["rnn"](x)[0]).detach().numpy())
"""


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def torch_step(kind, x, h, c, w_ih, w_hh, b_ih, b_hh):
    """Make one step as the documentation of `torch.nn` has it; return h and c."""
    zx, zr = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    if kind == "RNN":
        return np.tanh(zx + zr), c
    if kind == "GRU":
        (xr, xz, xn), (hr, hz, hn) = np.split(zx, 3, -1), np.split(zr, 3, -1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        return (1 - z) * np.tanh(xn + r * hn) + z * h, c
    i, f, g, o = np.split(zx + zr, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def torch_logits(kind, weights, ids, layers, rnn="rnn", embedding="embedding", head="head"):
    """Run over ids (T, B) in float64; return logits (T, B, V)."""
    weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    table = weights.get(f"{embedding}.weight", np.eye(len(weights[f"{head}.weight"])))
    outputs = table[ids]
    for layer in range(layers):
        names = [f"{rnn}.{each}_l{layer}" for each in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        given = [weights[name] for name in names]
        h = c = np.zeros((ids.shape[1], given[1].shape[1]))
        steps = []
        for x in outputs:
            h, c = torch_step(kind, x, h, c, *given)
            steps.append(h)
        outputs = np.stack(steps)
    return outputs @ weights[f"{head}.weight"].T + weights[f"{head}.bias"]


def ours(model, ids):
    return np.transpose(model(tf.constant(ids.T)), (1, 0, 2))


@pytest.fixture(params=[(cell, layers, width) for cell in KINDS for layers, width in ((1, "one_hot"), (2, 5))])
def case(request, make_model, rng):
    cell, layers, embedding = request.param
    model = make_model(text=SYMBOLS, cell=cell, units=7, layers=layers, embedding=embedding)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model, cell, layers, rng.integers(0, len(model.vocabulary), (9, 3))


def test_our_weights_compute_the_same_in_pytorchs_equations(case):
    model, cell, layers, ids = case
    np.testing.assert_allclose(torch_logits(KINDS[cell], to_torch(model), ids, layers), ours(model, ids), atol=1e-4)


def test_pytorchs_weights_compute_the_same_here(case, rng):
    model, cell, layers, ids = case
    theirs = {name: rng.normal(size=array.shape).astype(np.float32) for name, array in to_torch(model).items()}
    made = keras_charrnn.CharRNN.from_torch(theirs, model.vocabulary)
    np.testing.assert_allclose(ours(made, ids), torch_logits(KINDS[cell], theirs, ids, layers), atol=1e-4)


def test_a_way_there_and_back_changes_nothing(case, tmp_path):
    model, *_ = case
    path = model.export(tmp_path / "torch.safetensors", "torch")
    made = keras_charrnn.CharRNN.from_torch(path, model.vocabulary)
    for before, after in zip(model.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.skipif("TORCH" not in os.environ, reason="TORCH names no interpreter with PyTorch")
def test_pytorch_itself_computes_the_same(case, tmp_path):
    model, cell, layers, ids = case
    model.export(tmp_path / "torch.npz", "torch")
    np.save("ids.npy", ids)
    width = model.get_config()["embedding"]
    width = len(model.vocabulary) if width == "one_hot" else width
    pathlib.Path("program.py").write_text(PROGRAM)
    arguments = [os.environ["TORCH"], "program.py", KINDS[cell], *map(str, (layers, 7, width))]
    subprocess.run(arguments, check=True)
    np.testing.assert_allclose(np.load("logits.npy"), ours(model, ids), atol=1e-4)


def test_the_symbols_may_be_in_an_order_of_their_own(make_model, rng):
    model = make_model(text=SYMBOLS, cell="gru", units=7)
    theirs = to_torch(model)
    order = rng.permutation(len(model.vocabulary))
    theirs |= {name: theirs[name][order] for name in ("embedding.weight", "head.weight", "head.bias")}
    made = keras_charrnn.CharRNN.from_torch(theirs, "".join(model.vocabulary.symbols[i] for i in order))
    assert made.score("the quick").nats_per_character == pytest.approx(model.score("the quick").nats_per_character)


@pytest.fixture
def weights(make_model):
    return to_torch(make_model(text=SYMBOLS, cell="gru", units=6, embedding=6))


def test_names_are_asked_for_where_shapes_do_not_tell(weights, make_model):
    vocabulary = keras_charrnn.Vocabulary(SYMBOLS)
    assert keras_charrnn.CharRNN.from_torch(weights, vocabulary).get_config()["units"] == 6
    weights["other.weight"] = weights["embedding.weight"]
    with pytest.raises(SettingsError, match=r"the embedding cannot be told from the shapes.*name it with embedding="):
        keras_charrnn.CharRNN.from_torch(weights, vocabulary)
    keras_charrnn.CharRNN.from_torch(weights, vocabulary, embedding="other")
    with pytest.raises(SettingsError, match=r"head: there is no decoder.weight"):
        keras_charrnn.CharRNN.from_torch(weights, vocabulary, head="decoder")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.clear(), "of one direction .*received nothing"),
        (lambda w: w.update({"rnn.weight_ih_l0_reverse": w["rnn.weight_ih_l0"]}), "of one direction"),
        (lambda w: w.pop("rnn.weight_hh_l0"), "without a projection"),
        (lambda w: w.update({"rnn.weight_ih_l0": np.zeros((5, 6))}), "are neither nn.RNN's, nn.GRU's nor nn.LSTM's"),
        (lambda w: w.update({"rnn.bias_hh_l0": np.zeros(5)}), r"rnn.bias_hh_l0 must have the shape \(18,\)"),
        (lambda w: w.update({"rnn.weight_ih_l2": w["rnn.weight_ih_l0"]}), r"numbered from 0; received \[0, 2\]"),
    ],
)
def test_weights_of_something_else_are_an_error(weights, change, message):
    change(weights)
    with pytest.raises(SettingsError, match=message):
        keras_charrnn.CharRNN.from_torch(weights, keras_charrnn.Vocabulary(SYMBOLS))


def test_another_number_of_symbols_is_an_error(weights):
    with pytest.raises(SettingsError, match="the weights are of 28 symbols; the vocabulary has 3"):
        keras_charrnn.CharRNN.from_torch(weights, keras_charrnn.Vocabulary("abc"))


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"cell": "ugrnn"}, "this model has the cell 'ugrnn'"),
        ({"cell": "gru", "residual": True}, "this model has residual"),
        ({"cell": "lstm", "cell_arguments": {"activation": "relu"}}, "'lstm' with other activations"),
        ({"cell": "lstm", "normalization": "rms"}, "this model has normalization"),
        ({"cell": "lstm", "ngrams": 2}, "this model has ngrams"),
    ],
)
def test_a_model_that_pytorch_lacks_is_an_error(make_model, settings, what):
    with pytest.raises(SettingsError, match=what):
        to_torch(make_model(**settings))
