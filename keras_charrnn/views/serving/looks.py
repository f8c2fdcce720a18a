"""What there is to see of a model reading a text."""

import numpy as np

from keras_charrnn.layers.contract import state_names
from keras_charrnn.views.inspection.properties import find_units
from keras_charrnn.views.inspection.trace import trace
from keras_charrnn.views.inspection.units import parse_unit
from keras_charrnn.views.serving.fields import BadRequest


def alone(served, compute):
    """Return what a function computes with a model, while nobody else does."""
    with served.lock:
        return compute()


def inspectable(served):
    if not served.is_inspectable:
        raise BadRequest("an ensemble has no units of its own; ask one of its models")
    return served.model


def look_at(served, asked):
    if not served.is_inspectable and not (asked["unit"] or asked["named"]):
        return _look_of_ensemble(served, asked)
    model = inspectable(served)
    vocabulary, ids = model.vocabulary, model.vocabulary.encode(asked["text"])
    widths = [[f"{number}.{name}", width] for (number, name), width in _widths(model).items()]
    best = min(int(asked["alternatives"]), len(vocabulary))
    found = {"states": widths, "symbols": [plain(vocabulary.symbols[each]) for each in ids],
             "lengths": _lengths(vocabulary, asked["text"], ids), "nats": [None] * len(ids), "activity": None,
             "alternatives": []}  # fmt: skip
    seen = trace(model, asked["text"], best) if len(ids) > 1 else None
    if seen is not None:
        found["nats"] = [None, *map(float, seen.nats[1:])]
        rows = zip(seen.guesses, seen.probabilities, strict=True)
        found["alternatives"] = [_pairs(vocabulary, *row) for row in rows]
        found["alternatives"][0] = []
    found["alternatives"] = [*(found["alternatives"] or [[]] * len(ids)), _next(served, asked["text"], best)]
    if len(ids):
        found["alternatives"][0] = _next(served, "", best)
    if seen is not None and asked["unit"]:
        values = seen.activity(parse_unit(asked["unit"], seen.widths))
        found |= {"activity": values.tolist(), "most": max(1e-6, float(np.abs(values).max()))}
    if asked["named"]:
        ranked = {} if seen is None else find_units(seen, best=1)
        found["named"] = [
            {"name": name, "unit": str(unit), "correlation": value}
            for name, units in ranked.items()
            for unit, value in units
        ]
    return found


def _look_of_ensemble(served, asked):
    """Return what there is to see of several models together: surprise, and what comes after the text."""
    vocabulary = served.model.vocabulary
    ids, best = vocabulary.encode(asked["text"]), min(int(asked["alternatives"]), len(vocabulary))
    alternatives = [[] for _ in range(len(ids) + 1)]
    alternatives[0], alternatives[-1] = _next(served, "", best), _next(served, asked["text"], best)
    nats = [None] * len(ids)
    if len(ids) > 1 and vocabulary.is_of_characters:
        nats = [None, *map(float, served.model.score(asked["text"]).nats)]
    symbols = [plain(vocabulary.symbols[each]) for each in ids]
    lengths = _lengths(vocabulary, asked["text"], ids)
    return {"states": [], "symbols": symbols, "lengths": lengths, "nats": nats, "activity": None,
            "alternatives": alternatives}  # fmt: skip


def _lengths(vocabulary, text, ids):
    """Return the characters of a text that each symbol stands for: one that is dropped belongs to the one before it."""
    lengths = vocabulary.lengths[ids].tolist()
    if vocabulary.unknown != "drop" or not vocabulary.is_of_characters:
        return lengths
    place = -1
    for known in vocabulary.knows(text):
        if known:
            place += 1
        elif lengths:
            lengths[max(0, place)] += 1
    return lengths


def _pairs(vocabulary, ids, shares):
    """Return symbols with their probabilities, and whether each can be taken: not a byte of a longer character."""
    is_bytes = vocabulary.unit == "byte"
    return [
        [plain(vocabulary.symbols[each]), float(share), not (is_bytes and each > 127)]
        for each, share in zip(ids, shares, strict=True)
    ]


def _next(served, prefix, best):
    """Return the likeliest symbols after a text, with their probabilities."""
    logs = served.generator.log_probabilities(prefix)
    order = np.argsort(-logs, kind="stable")[:best]
    return _pairs(served.model.vocabulary, order, np.exp(logs[order]))


def _widths(model):
    return {
        (number, name): state.shape[-1]
        for number, layer in enumerate(model.recurrent, start=1)
        for name, state in zip(state_names(layer), layer.initial_state(1), strict=True)
    }


def plain(symbol):
    """Return a symbol without what JSON in UTF-8 cannot hold."""
    return symbol.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
