"""A text that a model has made, and what there is to know of it."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Sample:
    """A text from a model.

    Attributes:
        prefix: What it goes on with.
        text: The new text, without the prefix.
        nats: Minus the logarithm of the probability that the model itself gives the new text: at temperature 1, among
            all symbols.
        symbols: How many symbols the new text has.
        cost: What the rules for the text cost, in nats: minus the logarithms of the probability of all that they
            allowed, at each symbol, summed; 0 without such rules.
        ended: Why it goes no further: "length", "stop", or "pattern", where nothing may follow.
        settings: Those that it was made with, a mapping.
    """

    prefix: str
    text: str
    nats: float
    symbols: int
    cost: float
    ended: str
    settings: dict

    @property
    def nats_per_symbol(self):
        """By which texts of different lengths are compared; 0 for no text."""
        return self.nats / max(1, self.symbols)

    @property
    def cost_per_character(self):
        """What the rules cost, in nats per character."""
        return self.cost / max(1, len(self.text))

    def to_mapping(self):
        """Return all of it as plain values."""
        own = {name: getattr(self, name) for name in ("prefix", "text", "nats", "symbols", "nats_per_symbol")}
        return {**own, "cost_per_character": self.cost_per_character, "ended": self.ended, "settings": self.settings}


class Growing:
    """A sample that comes in blocks.

    Args:
        vocabulary: Of the model.
        stops: `Stops`.

    Attributes:
        ended: Why it goes no further; "" as long as it does.
    """

    def __init__(self, vocabulary, stops):
        self._vocabulary, self._stops, self._decode = vocabulary, stops, vocabulary.decoder()
        self._ids, self._figures, self._text, self._told, self.ended = [], [], "", 0, ""

    def add(self, ids, figures, final):
        """Take a block of ids, in which -1 stands for the end; return the further text that is certain.

        Args:
            ids: int (T,).
            figures: float (T, 2), nats and costs; None where nobody asks for them.
            final: Whether it is the last block.
        """
        if self.ended:
            return ""
        over = np.flatnonzero(ids < 0)
        if len(over):
            ids, self.ended = ids[: over[0]], "pattern"
        self._ids.append(ids)
        if figures is not None:
            self._figures.append(figures[: len(ids)])
        begin = max(0, len(self._text) - self._stops.longest)
        self._text += self._decode(ids, final or bool(self.ended))
        place = self._stops.find(self._text[begin:])
        if place >= 0:
            self._text, self.ended = self._text[: begin + place], "stop"
        elif final:
            self.ended = self.ended or "length"
        certain = len(self._text) - (0 if self.ended else self._stops.begun(self._text))
        told, self._told = self._told, max(self._told, certain)
        return self._text[told : self._told]

    def to_sample(self, prefix, settings):
        """Return the `Sample`, once it has ended."""
        ids = np.concatenate([np.zeros(0, np.int64), *self._ids])
        ends = np.cumsum(self._vocabulary.lengths[ids])
        count = int(np.searchsorted(ends, len(self._text))) + 1 if self._text else 0
        figures = np.concatenate([np.zeros((0, 2)), *self._figures])[:count].sum(0)
        count = min(count, len(ids))
        return Sample(prefix, self._text, float(figures[0]), count, float(figures[1]), self.ended, settings)

    @property
    def text(self):
        """What there is of it so far."""
        return self._text

    @property
    def certain(self):
        """How many characters of it have been returned by `add`."""
        return self._told
