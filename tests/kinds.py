"""Which cells stand for all: where the engine's code is the same for several cells, `make test` tries one of each kind.

`make test-thorough` tries every cell everywhere.
"""

import pytest

from keras_charrnn.registry import cells

# What the engine tells apart: one state, products read in their sum; two biases, products read apart; two states;
# a weight of the cell's own; no recurrent product; and no `GatedCell` at all.
KINDS = ("simple_rnn", "gru", "lstm", "peephole_lstm", "min_gru", "rhn")


def of_each_kind(names=None, kinds=KINDS):
    """Return parameters of a test: cells by name, those that are not in `kinds` marked as thorough."""
    names = cells.names() if names is None else names
    return [name if name in kinds else pytest.param(name, marks=pytest.mark.thorough) for name in names]
