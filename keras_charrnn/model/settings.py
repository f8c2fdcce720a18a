"""The settings of a `CharRNN`: all that its architecture depends on but the vocabulary."""

import dataclasses
import numbers
from collections.abc import Mapping

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.normalization import KINDS
from keras_charrnn.text.vocabularies import DOCUMENT, LINE_END

ONE_HOT = "one_hot"


def require(name, accepted, value, holds):
    """Raise a `SettingsError` that says what is accepted, unless a condition holds."""
    if not holds:
        raise SettingsError(f"{name} must be {accepted}; received {value!r}")


def _is_whole(value, least):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a `CharRNN` is built of; each is an argument of its constructor.

    Shapes in letters: E width of the embedding, H units, L layers, V symbols.

    Attributes:
        cell: Name of a registered cell.
        units: H, the width of each recurrent layer.
        layers: L. Each layer has a cell and weights of its own.
        embedding: E, or "one_hot" for none (the first layer's input is then V wide). It starts from a normal
            distribution of standard deviation 1, as in PyTorch; H ** -0.5 where it is tied.
        dropout: Share of activations set to 0 in training after every recurrent layer and feed-forward block.
        cell_arguments: Mapping of further arguments of the cell's constructor.
        embedding_dropout: Share of the embedding's activations dropped.
        output_dropout: In place of `dropout` before the logits; None for the same.
        variational: Whether a row's mask of these three is the same for all steps of a window.
        recurrent_dropout: Rate of `cells.RecurrentDropout` in every layer.
        zoneout: Rate of `cells.Zoneout` in every layer, or a mapping from states to rates.
        weight_drop: Of every `Recurrent`.
        normalization: "none", "layer" or "rms": before every recurrent layer, feed-forward block and the logits. The
            first layer has none with one-hot inputs.
        residual: Whether the inputs of each recurrent layer are added to its outputs, where both have the same width:
            a first layer only has it where E = H.
        feed_forward: Width of a feed-forward block after every recurrent layer, always with a residual; 0 for none.
        tie_embedding: Whether the logits are products with the embedding, which must then be H wide.
        fresh_lines: Whether all states return to the initial ones before each line end is read, in training, scores
            and generation: every line is predicted from itself alone. Of a `GatedCell` alone.
        fresh_documents: The same before each mark that stands before a document, `vocabulary.DOCUMENT`.
        ngrams: The longest n-grams, at most 5: 2 adds to each character's row of the embedding one for the pair that it
            ends, 3 one for the triple too, and so on: see `layers.ngrams.NGrams`. 1 for none.

    Raises:
        SettingsError: If one is out of its range, or two do not go together.
    """

    cell: str = "gru"
    units: int = 256
    layers: int = 1
    embedding: int | str = 64
    dropout: float = 0.0
    cell_arguments: dict | None = None
    embedding_dropout: float = 0.0
    output_dropout: float | None = None
    variational: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | dict = 0.0
    weight_drop: float = 0.0
    normalization: str = "none"
    residual: bool = False
    feed_forward: int = 0
    tie_embedding: bool = False
    fresh_lines: bool = False
    ngrams: int = 1
    fresh_documents: bool = False

    def __post_init__(self):
        arguments, layers, embedding = self.cell_arguments or {}, self.layers, self.embedding
        require("cell", "the name of a registered cell", self.cell, isinstance(self.cell, str))
        require("cell_arguments", "a mapping", arguments, isinstance(arguments, Mapping))
        object.__setattr__(self, "cell_arguments", dict(arguments))
        require("layers", "a whole number of 1 or more", layers, _is_whole(layers, 1))
        is_width = self.one_hot or _is_whole(embedding, 1)
        require("embedding", f"a whole number of 1 or more, or {ONE_HOT!r}", embedding, is_width)
        require("feed_forward", "a whole number of 0 or more", self.feed_forward, _is_whole(self.feed_forward, 0))
        for name in ("dropout", "embedding_dropout", "last_dropout", "weight_drop"):
            rate = getattr(self, name)
            name = "output_dropout" if name == "last_dropout" else name
            require(name, "at least 0 and below 1", rate, isinstance(rate, numbers.Real) and 0 <= rate < 1)
        kinds = ("none", *KINDS)
        require("normalization", ", ".join(kinds), self.normalization, self.normalization in kinds)
        unembedded = self.one_hot and self.embedding_dropout
        require("embedding_dropout", "0 with one-hot inputs", self.embedding_dropout, not unembedded)
        require("ngrams", "a whole number from 1 to 5", self.ngrams, _is_whole(self.ngrams, 1) and self.ngrams <= 5)
        unembedded = self.one_hot and self.ngrams > 1
        require("ngrams", "1 with one-hot inputs, which have no embedding to add to", self.ngrams, not unembedded)
        both = self.fresh_lines and self.fresh_documents
        require("fresh_documents", "false where fresh_lines is true", self.fresh_documents, not both)
        fits = embedding == self.units or not self.tie_embedding
        require("embedding", f"as wide as units ({self.units}) to be tied", embedding, fits)

    @property
    def fresh_at(self):
        """The symbol before which all states return to the initial ones; None for none."""
        return LINE_END if self.fresh_lines else DOCUMENT if self.fresh_documents else None

    @property
    def one_hot(self):
        """Whether there is no embedding."""
        return self.embedding == ONE_HOT

    @property
    def last_dropout(self):
        """The rate before the logits."""
        return self.dropout if self.output_dropout is None else self.output_dropout

    def first_width(self, symbols):
        """Return the width of the first layer's input, D."""
        return symbols if self.one_hot else self.embedding
