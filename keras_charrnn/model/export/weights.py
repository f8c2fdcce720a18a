"""Weights to and from PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM`, as arrays by the names of a state dictionary.

Shapes in letters: D width of a layer's input, E embedding, H units, G gates, V symbols.

PyTorch keeps W as (G*H, D), ours is (D, G*H); its gates of a GRU are reset, update, candidate, ours update, reset,
candidate; the other orders agree. It has two biases everywhere, of which only a GRU's candidate needs the second.
"""

import re
import zipfile

import numpy as np

from keras_charrnn.common.extras import require
from keras_charrnn.common.files import user_path
from keras_charrnn.errors import RunError, SettingsError

GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
_INPUT = re.compile(r"(?P<prefix>.*\.|)weight_ih_l(?P<layer>\d+)(?P<reverse>_reverse)?")


def to_torch(model, rnn="rnn", embedding="embedding", head="head"):
    """Return a model's weights by the names of a PyTorch state dictionary.

    They fit a module with the children `rnn` (`torch.nn.RNN`, `GRU` or `LSTM` of as many layers), `embedding`
    (`torch.nn.Embedding`; none with one-hot inputs) and `head` (`torch.nn.Linear`).

    Args:
        model: A `CharRNN` of the cell simple_rnn, gru or lstm, with nothing between its layers.
        rnn, embedding, head: Names of the children.

    Returns:
        A mapping from names to float32 arrays.

    Raises:
        SettingsError: If PyTorch's layers cannot compute what the model does.
    """
    name = _require_plain(model)
    arrays = {}
    if model.embedding is not None:
        arrays[f"{embedding}.weight"] = _array(model.embedding.embeddings)
    for index, layer in enumerate(model.recurrent):
        kernel, recurrent, bias = (_array(weight) for weight in layer.cell.get_weights())
        biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
        for key, array in (("weight_ih", kernel.T), ("weight_hh", recurrent.T)):
            arrays[f"{rnn}.{key}_l{index}"] = np.ascontiguousarray(_swap_gates(array, name))
        for key, array in zip(("bias_ih", "bias_hh"), biases, strict=True):
            arrays[f"{rnn}.{key}_l{index}"] = _swap_gates(array, name)
    kernel, bias = model.head_weights
    return arrays | {f"{head}.weight": np.ascontiguousarray(_array(kernel).T), f"{head}.bias": _array(bias)}


def from_torch(weights, embedding=None, head=None):
    """Read the weights of a PyTorch model: what `CharRNN.from_torch` makes a model of.

    Args:
        weights: A mapping from names to arrays or CPU tensors, as `module.state_dict()` returns it, or the path of a
            .npz or .safetensors file of one.
        embedding, head: Names of the children, where they cannot be told from the shapes.

    Returns:
        The pair (settings, arrays): `CharRNN`'s settings (cell, units, layers, embedding), and a list of the weights
        in the order of `CharRNN.weights`.

    Raises:
        SettingsError: If the weights are not those of one recurrent network of one direction, an embedding or none, and
            a head.
        RunError, ExtraError: As `read_weights`.
    """
    weights = weights if hasattr(weights, "keys") else read_weights(weights)
    weights = {name: np.asarray(array, np.float32) for name, array in weights.items()}
    prefix, layers = _find_layers(weights)
    kernel, recurrent = (weights.get(f"{prefix}weight_{each}_l0") for each in ("ih", "hh"))
    if recurrent is None or recurrent.ndim != 2 or f"{prefix}weight_hr_l0" in weights:
        raise SettingsError(f"{prefix}weight_hh_l0 must be (G*H, H), without a projection (weight_hr)")
    units = recurrent.shape[1]
    names = [name for name, gates in GATES.items() if gates * units == len(recurrent) == len(kernel)]
    if not names:
        raise SettingsError(
            f"{prefix}weight_ih_l0 of shape {kernel.shape} and {prefix}weight_hh_l0 of shape {recurrent.shape} are "
            "neither nn.RNN's, nn.GRU's nor nn.LSTM's"
        )
    width, arrays = kernel.shape[1], []
    rest = {name: array for name, array in weights.items() if not name.startswith(prefix) or "_l" not in name}
    head = _find_child(rest, "head", head, lambda name, array: array.shape[1] == units and f"{name}.bias" in rest)
    kernel_of_head, symbols = rest[f"{head}.weight"], len(rest[f"{head}.weight"])
    tables = {name: array for name, array in rest.items() if name != f"{head}.weight"}
    one_hot = width == symbols and embedding is None and not _children(tables, lambda _, array: array.shape[1] == width)
    if not one_hot:
        embedding = _find_child(tables, "embedding", embedding, lambda _, array: array.shape == (symbols, width))
        arrays.append(rest[f"{embedding}.weight"])
    for index in range(layers):
        arrays += _layer(weights, f"{prefix}%s_l{index}", names[0], units, width if index == 0 else units)
    bias = rest.get(f"{head}.bias")
    arrays += [kernel_of_head.T, np.zeros(symbols, np.float32) if bias is None else bias]
    return {
        "cell": names[0],
        "units": units,
        "layers": layers,
        "embedding": "one_hot" if one_hot else width,
    }, arrays


def read_weights(path):
    """Read a .npz or .safetensors file: a mapping from names to arrays; nothing in it is run.

    Raises:
        RunError: If there is no such file, or it is damaged or something else.
        ExtraError: If it is .safetensors and the package safetensors is missing.
    """
    path = user_path(path)
    if path.suffix not in (".npz", ".safetensors"):
        raise RunError(f"{path} must end in .npz or .safetensors")
    if not path.is_file():
        raise RunError(f"there is no file {path}")
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise RunError(f"{path} is no .npz file of plain arrays, or a damaged one: {error}") from error
    library = require_safetensors()
    try:
        return library.numpy.load_file(path)
    except (OSError, ValueError, library.SafetensorError) as error:
        raise RunError(f"{path} is no .safetensors file, or a damaged one: {error}") from error


def require_safetensors():
    """Return the package `safetensors`, its part `numpy` imported.

    Raises:
        ExtraError: If the package is missing.
    """
    need = ".safetensors files need", "safetensors"
    require("safetensors.numpy", *need)
    return require("safetensors", *need)


def _require_plain(model):
    """Return the name of a model's cell, which PyTorch must have."""
    settings = model.get_config()
    name, plain = settings["cell"], True
    if name in GATES:
        defaults = type(model.recurrent[0].cell)(units=1).get_config()
        given = model.recurrent[0].cell.get_config()
        plain = all(given[key] == defaults[key] for key in ("activation", "recurrent_activation") if key in defaults)
    extras = [key for key in ("residual", "feed_forward") if settings[key]]
    extras += ["normalization"] if settings["normalization"] != "none" else []
    extras += ["ngrams"] if settings["ngrams"] > 1 else []
    if name not in GATES or not plain or extras:
        what = f"the cell {name!r}{'' if plain else ' with other activations'}" if not extras else ", ".join(extras)
        raise SettingsError(f"PyTorch's layers are plain {', '.join(GATES)}; this model has {what}")
    return name


def _find_layers(weights):
    found = [match for match in map(_INPUT.fullmatch, weights) if match]
    prefixes = {match["prefix"] for match in found}
    if len(prefixes) != 1 or any(match["reverse"] for match in found):
        raise SettingsError(
            "the weights must be those of one nn.RNN, nn.GRU or nn.LSTM of one direction (weight_ih_l0, weight_hh_l0, "
            f"…); received {', '.join(sorted(weights)[:20]) or 'nothing'}"
        )
    numbers = sorted(int(match["layer"]) for match in found)
    if numbers != list(range(len(numbers))):
        raise SettingsError(f"the layers must be numbered from 0; received {numbers}")
    return prefixes.pop(), len(numbers)


def _children(weights, fits):
    found = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    return [name for name in found if weights[f"{name}.weight"].ndim == 2 and fits(name, weights[f"{name}.weight"])]


def _find_child(weights, what, name, fits):
    """Return the name of the embedding or the head: the one given, or the only one that fits."""
    if name is not None:
        if f"{name}.weight" not in weights:
            raise SettingsError(f"{what}: there is no {name}.weight among {', '.join(sorted(weights))}")
        return name
    found = _children(weights, fits)
    if len(found) != 1:
        raise SettingsError(
            f"the {what} cannot be told from the shapes: {', '.join(found) or 'none'} of {', '.join(sorted(weights))} "
            f"may be it; name it with {what}="
        )
    return found[0]


def _layer(weights, pattern, name, units, width):
    """Return kernel, recurrent kernel and bias of a layer in our order, checked."""
    size = GATES[name] * units
    shapes = {"weight_ih": (size, width), "weight_hh": (size, units), "bias_ih": (size,), "bias_hh": (size,)}
    arrays = []
    for key, shape in shapes.items():
        optional = key.startswith("bias") and pattern % "bias_ih" not in weights
        array = np.zeros(shape, np.float32) if optional else weights.get(pattern % key)
        if array is None or array.shape != shape:
            raise SettingsError(
                f"{pattern % key} must have the shape {shape}; received {'nothing' if array is None else array.shape}"
            )
        arrays.append(_swap_gates(array, name))
    biases = np.stack(arrays[2:])
    return [arrays[0].T, arrays[1].T, biases if name == "gru" else biases.sum(axis=0)]


def _swap_gates(array, name):
    """Change between the two orders of a GRU's gates along the first axis: the first two change places."""
    if name != "gru":
        return array
    first, second, candidate = np.split(array, 3)
    return np.concatenate([second, first, candidate])


def _array(weight):
    return np.asarray(weight, np.float32)
