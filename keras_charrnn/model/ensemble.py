"""Several models that answer as one, by the mean of their probabilities.

Shapes in letters: B batch, T time, V symbols.
"""

import math

from keras import ops

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.on_text import OnText
from keras_charrnn.text.vocabularies.base import shown

# Settings of training alone: they change nothing of what a trained model computes.
_OF_TRAINING = {
    "dropout",
    "embedding_dropout",
    "output_dropout",
    "variational",
    "recurrent_dropout",
    "weight_drop",
}


class Ensemble(OnText):
    """Gives each character the mean of the probabilities that several models give it.

    The models are trainings of one architecture over one vocabulary, as of one recipe from several seeds. The states of
    an ensemble are the list of its members' states.

    Args:
        models: Two or more `CharRNN`s.
        names: What messages and figures call them; None for the models' own names.

    Attributes:
        models, names: As above, tuples.
        vocabulary, fresh_at: Those of all members.
        scorer: Its `evaluation.Scorer`, which also scores texts in pieces.

    Raises:
        SettingsError: If there are fewer than two, or one differs from the first in its vocabulary or its architecture.
    """

    def __init__(self, models, names=None):
        self.models = tuple(models)
        self.names = tuple(each.name for each in self.models) if names is None else tuple(map(str, names))
        if len(self.models) < 2:
            raise SettingsError(f"an ensemble has two members or more; received {len(self.models)}")
        for index, other in enumerate(self.models[1:], start=1):
            if difference := _difference(self.models[0], other, self.names[0], self.names[index]):
                raise SettingsError(
                    f"{self.names[0]} and {self.names[index]} make no ensemble: {difference}; its members are "
                    "trainings of one recipe, as from several seeds"
                )
        self.vocabulary, self.fresh_at = self.models[0].vocabulary, self.models[0].fresh_at
        self.take_texts()

    def initial_states(self, batch_size):
        """Return the states before the first character: of each member those that it returns."""
        return [each.initial_states(batch_size) for each in self.models]

    def run(self, ids, states):
        """Run over a window: ids (B, T) and states -> logits (B, T, V) and the states after it."""
        found = [each.run(ids, before) for each, before in zip(self.models, states, strict=True)]
        return _together(found)

    def read(self, ids, states):
        """Return the states after a window of ids (T, B); for code that XLA compiles."""
        return [each.read(ids, before) for each, before in zip(self.models, states, strict=True)]

    def step(self, ids, states, tables):
        """Make one step: ids (B,), states and what `table` returned -> logits (B, V) and new states."""
        parts = zip(self.models, states, tables, strict=True)
        return _together([each.step(ids, before, table) for each, before, table in parts])

    def table(self, rows):
        """Return each member's table of input products for so many rows, or None in its place."""
        return [each.table(rows) for each in self.models]

    def describe(self):
        """Return in words that this is no single model."""
        return f"an ensemble, the mean of the probabilities of {len(self.models)} models"

    def __repr__(self):
        return f"Ensemble({', '.join(self.names)})"


def _together(found):
    """Return the logits and states of all members: of their logits the logarithm of the mean of the probabilities."""
    logits, states = zip(*found, strict=True)
    logarithms = ops.stack([ops.log_softmax(each) for each in logits])
    return ops.logsumexp(logarithms, axis=0) - math.log(len(found)), list(states)


def _difference(one, other, *names):
    """Return in words by what two models are no members of one ensemble; "" for nothing."""
    units = [each.vocabulary.unit for each in (one, other)]
    if units[0] != units[1]:
        return f"their vocabularies are of other units, {units[0]} and {units[1]}"
    symbols = [set(each.symbols) for each in (one.vocabulary, other.vocabulary)]
    alone = dict(zip(names, (symbols[0] - symbols[1], symbols[1] - symbols[0]), strict=True))
    apart = [f"{shown(sorted(each))} in {name} alone" for name, each in alone.items() if each]
    if apart:
        return f"their vocabularies differ, by {' and '.join(apart)}"
    if one.vocabulary.symbols != other.vocabulary.symbols:
        return "their vocabularies have the same symbols in another order, as where one began from another model"
    settings = [{**vars(each.settings), "vocabulary.unknown": each.vocabulary.unknown} for each in (one, other)]
    differing = [
        f"{key} is {settings[0][key]!r} in the first and {settings[1][key]!r} in the second"
        for key in settings[0]
        if key not in _OF_TRAINING and settings[0][key] != settings[1][key]
    ]
    return ", ".join(differing)
