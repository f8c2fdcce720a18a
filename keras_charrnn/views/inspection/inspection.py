"""Everything that there is to see of a model reading a text."""

import dataclasses

import numpy as np

from keras_charrnn.errors import SettingsError
from keras_charrnn.model import CharRNN
from keras_charrnn.model.evaluation import Score
from keras_charrnn.text.vocabularies.base import shared_out
from keras_charrnn.views.inspection.causes import causes_of
from keras_charrnn.views.inspection.gradient_flow import gradient_flow
from keras_charrnn.views.inspection.properties import find_units
from keras_charrnn.views.inspection.trace import Trace, trace
from keras_charrnn.views.inspection.units import parse_unit


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a model does with a text, to be shown by `show` or `to_html`.

    Attributes:
        trace: The `Trace`.
        units: The chosen `Unit`s.
        found: What `find_units` returned.
        flow: What `gradient_flow` returned.
        causes: What `causes` returned of the guess after the text.
    """

    trace: Trace
    units: tuple
    found: dict
    flow: np.ndarray
    causes: np.ndarray

    @property
    def score(self):
        """The `Score` of the text."""
        nats = shared_out(self.trace.nats, self.trace.lengths)
        return Score(nats[~np.isnan(nats)], len(self.trace.nats) - 1)

    @property
    def candidates(self):
        """The number of units among which `find_units` has searched."""
        return sum(self.trace.widths.values())


def inspect(model, text, units=None):
    """Let a model read a text and look inside.

    Args:
        model: A `CharRNN`.
        text: A str, all of which is kept in memory with all states: some thousand characters.
        units: Names or numbers of units to show: 17, "c.17" or "1.c.17" (layer 1, state c). None for the unit that
            follows each property of the text best.

    Returns:
        An `Inspection`.

    Raises:
        SettingsError: If the text has fewer than 2 characters that the model knows, there is no such unit, or the model
            is an ensemble.
        VocabularyError: If it has a character that the model does not know.
    """
    if not isinstance(model, CharRNN):
        raise SettingsError(f"inspect takes a CharRNN; received {model!r}")
    seen = trace(model, text)
    found = find_units(seen)
    if units is None:
        chosen = dict.fromkeys(ranked[0][0] for ranked in found.values() if ranked)
    else:
        chosen = dict.fromkeys(parse_unit(each, seen.widths) for each in units)
    return Inspection(seen, tuple(chosen), found, gradient_flow(model, seen), causes_of(model, seen.ids))
