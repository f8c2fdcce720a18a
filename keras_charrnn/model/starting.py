"""A new model that begins with the weights of another, symbol by symbol.

Shapes in letters: V symbols, K those of them that both models know, E width of the embedding, R rows of a table.
"""

import itertools

import numpy as np

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.ngrams import MOST, row_of, rows_of

SPREAD = 1.0  # of what new symbols begin with, in units of that of the known ones


def take_over(model, old, seed=0):
    """Give a model the weights of another of the same architecture, with another vocabulary.

    A symbol that both know keeps its rows and columns, so that its logits in any context of such symbols are the same
    but for the rounding of a sum: a processor may sum the last rows of a product in another order. A new one begins
    with the mean of the known ones and noise of their spread, as if it were one of them: the nearer new symbols begin
    to one another, the longer they take to part. N-grams of known symbols keep their rows, others begin from zeros.

    Args:
        model: The `CharRNN` to change.
        old: The `CharRNN` to begin from.
        seed: Of the noise.

    Raises:
        SettingsError: If a weight has another shape than its counterpart for another reason than the symbols, or the
            rows of n-grams cannot be told from one another.
    """
    new, known = _places(model.vocabulary, old.vocabulary)
    axes = {id(weight): axis for weight, axis in model.symbol_axes}
    tables = {id(table): count for count, table in enumerate(_tables(model), start=2)}
    rng, values = np.random.default_rng(seed), []
    for weight, before in zip(model.weights, old.weights, strict=True):
        value = np.asarray(before.value)
        if id(weight) in tables:
            value = _rows_of_ngrams(value, tables[id(weight)], model.vocabulary, old.vocabulary)
        elif id(weight) in axes:
            value = _of_symbols(value, axes[id(weight)], len(model.vocabulary), new, known, rng)
        if tuple(value.shape) != tuple(weight.shape):
            raise SettingsError(
                f"the weight {weight.path} has the shape {tuple(weight.shape)}, and {tuple(value.shape)} in the model "
                "to begin from: its cell does not tell which part of it belongs to which symbol"
            )
        values.append(value)
    model.set_weights(values)


def _places(vocabulary, old):
    """Return the ids of the known symbols in the new vocabulary and in the old one: two arrays (K,)."""
    ids = {symbol: place for place, symbol in enumerate(old.symbols)}
    pairs = [(place, ids[symbol]) for place, symbol in enumerate(vocabulary.symbols) if symbol in ids]
    if not pairs:
        raise SettingsError("the text has no symbol that the model to begin from knows")
    return np.array(pairs).T


def _of_symbols(value, axis, symbols, new, known, rng):
    """Return a weight with its part for each of V symbols along an axis."""
    kept = np.take(value, known, axis)
    shape = [*value.shape]
    shape[axis] = symbols
    noise = SPREAD * kept.std(axis, keepdims=True) * rng.standard_normal(shape)
    result = (kept.mean(axis, keepdims=True) + noise).astype(value.dtype)
    result[(slice(None),) * axis + (new,)] = kept
    return result


def _tables(model):
    return () if model.ngrams is None else model.ngrams.tables


def _rows_of_ngrams(value, count, vocabulary, old):
    """Return a table of n-grams (R, E) for a vocabulary, of that for another one."""
    if vocabulary.symbols == old.symbols:
        return value
    rows = rows_of(count, len(vocabulary))
    if vocabulary.symbols[: len(old)] == old.symbols and rows == len(value) == MOST:
        return value  # of n-grams that share rows, by their ids, which are the same
    if len(value) == MOST:
        raise SettingsError(
            f"the rows for {count} characters go by the ids of all {len(old)} symbols; keep them, with "
            "start.vocabulary: union"
        )
    new, known = _places(vocabulary, old)
    before, now = ((0, *(places + 1)) for places in (known, new))  # 0: none, before the beginning
    result = np.zeros((rows, value.shape[1]), value.dtype)
    ngrams = [np.array(each).T for each in (_all(now, count), _all(before, count))]
    result[row_of([*ngrams[0]], len(vocabulary))] = value[row_of([*ngrams[1]], len(old))]
    return result


def _all(digits, count):
    return list(itertools.product(digits, repeat=count))
