"""What every vocabulary is: the symbols of a model, and how a text becomes ids and ids a text."""

import abc
import itertools
from collections.abc import Sequence

import numpy as np

from keras_charrnn import registry
from keras_charrnn.errors import RegistryError, VocabularyError

POLICIES = ("error", "drop", "replace")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LINE_END = "\n"
DOCUMENT = "\x1e"  # stands before each document, as in JSON text sequences (RFC 7464), and after the last
SHOWN = 10  # symbols that a message names
AT_ONCE = 2**22  # ids that are counted together: those of a long text are in a file


class UnitVocabulary(abc.ABC):
    """V symbols, each a unit of text: a character, a byte, a word. A subclass with a name is a unit of recipes.

    A subclass has `symbols` and `lengths`, makes them of a text in `from_text`, and has `encode`, `decode` and
    `get_config`. `PieceVocabulary` has most of it for symbols that are pieces of the text.

    Attributes:
        symbols: Sequence of V different str, each as it is shown; a character that is a symbol is there as itself.
        lengths: int array (V,): the characters of text for which each symbol stands, so that losses in nats per
            character are comparable, whatever the unit; 0 for one that only goes on with a character.
        unknown: What `encode` does with a character that it cannot express: "error", "drop" it, or "replace" it.
        encoding: How files are to be read for it, where a recipe leaves that open: "auto" as texts, "bytes" as they
            are.
    """

    unknown = "error"
    encoding = "auto"
    symbols: Sequence
    lengths: np.ndarray

    @classmethod
    @abc.abstractmethod
    def from_text(cls, text, **arguments):
        """Return the vocabulary of a `corpora.Text`, which has `symbols`, `counts` and `every_piece()`.

        Args:
            text: The text.
            **arguments: What a recipe's `vocabulary` says beside the unit's name.
        """

    @abc.abstractmethod
    def encode(self, text, what="the text", characters=0, line=1):
        """Return the ids of a text: an array of `dtype`.

        Args:
            text: A str.
            what: What it is, for messages.
            characters: Number of characters before it, where it is a piece of a longer text, for messages.
            line: Number of its first line, likewise.

        Raises:
            VocabularyError: If the text is no str, or has a character that is unknown where that is an error.
        """

    @abc.abstractmethod
    def decode(self, ids):
        """Return the text of ids: an array or list of integers from 0 to V - 1."""

    @abc.abstractmethod
    def get_config(self):
        """Return the arguments that make the same vocabulary again, as plain values."""

    @property
    def unit(self):
        """The name of the unit: what a recipe's `vocabulary.unit` says."""
        return registry.vocabularies.name_of(type(self))

    @property
    def dtype(self):
        """The smallest type of integers that holds V - 1."""
        return np.min_scalar_type(len(self) - 1)

    def __len__(self):
        return len(self.symbols)

    def __contains__(self, symbol):
        return symbol in self.symbols

    def __eq__(self, other):
        return type(other) is type(self) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((type(self), len(self), self.unknown))

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({given.removeprefix('symbols=')})"

    def cut(self, text):
        """Return how many of a text's first characters have ids that do not depend on what follows it."""
        return len(text)

    def encode_pieces(self, pieces, what="the text"):
        """Yield (piece, ids) of a text that comes in pieces, which may be cut elsewhere then."""
        held, characters, line = "", 0, 1
        for piece in pieces:
            held = held + piece if held else piece
            if place := self.cut(held):
                piece, held = (held, "") if place == len(held) else (held[:place], held[place:])
                yield piece, self.encode(piece, what, characters, line)
                characters, line = characters + len(piece), line + piece.count(LINE_END)
        if held:
            yield held, self.encode(held, what, characters, line)

    def decoder(self):
        """Return a function (ids, final) -> text for ids that come in pieces: as much as is certain at each."""
        return lambda ids, final: self.decode(ids)

    def knows(self, text):
        """Return for each character of a text whether it can be expressed: an array of bool."""
        return np.ones(len(text), bool)

    def note_of(self, text, what):
        """Return in a sentence what `encode` does with unknown characters of a text; "" where there are none."""
        unknown = list(dict.fromkeys(itertools.compress(text, ~self.knows(text))))
        if not unknown or self.unknown == "error":  # encode tells it then
            return ""
        done = "drops" if self.unknown == "drop" else "replaces by U+FFFD"
        return f"{what} has characters that the model does not know, and {done}: {shown(unknown)}"

    def characters(self, ids):
        """Return the number of characters for which ids stand: of an array, or of `StoredIds`."""
        return len(ids) if self.is_of_characters else int(self.counts(ids) @ self.lengths)

    def counts(self, ids):
        """Return how often each symbol is among ids: int (V,)."""
        tally = np.zeros(len(self), np.int64)
        for begin in range(0, len(ids), AT_ONCE):
            tally += np.bincount(np.asarray(ids[begin : begin + AT_ONCE]), minlength=len(self))
        return tally

    def tally(self, text, parts):
        """Return how often each symbol occurs in a text, int (V,), which is cut into some parts of ids."""
        return sum(map(self.counts, parts))

    @property
    def is_of_characters(self):
        """Whether each symbol stands for one character."""
        return bool(np.all(self.lengths == 1))

    def spread(self, text, ids, nats):
        """Return the nats of a text's characters, of those of its symbols: float32, of the text's length.

        A symbol of several characters shares its nats out among them evenly. A character that is not known has NaN.

        Args:
            text: A str.
            ids: What `encode` makes of it.
            nats: Of each id; NaN for what is not predicted.
        """
        result = np.full(len(text), np.nan, np.float32)
        kept = np.flatnonzero(self.knows(text)) if self.unknown == "drop" else slice(None)
        result[kept] = nats if self.is_of_characters else shared_out(nats, self.lengths[ids])
        return result

    def with_added(self, symbols, unknown="error"):
        """Return a vocabulary with further symbols, in which each of this one keeps its id.

        Args:
            symbols: Those that it has at least.
            unknown: As of a vocabulary.

        Raises:
            VocabularyError: If it cannot have others.
        """
        if set(symbols) <= set(self.symbols):
            return self
        raise VocabularyError(f"the unit {self.unit} takes no further symbols; write start.vocabulary: text")


def register_vocabulary(name):
    """Class decorator that registers a vocabulary as the unit of text `name`.

    Args:
        name: Lower-case letters, digits and underscores; what a recipe's `vocabulary.unit` says.

    Example:
        @keras_charrnn.register_vocabulary("syllable")
        class Syllables(keras_charrnn.vocabularies.PieceVocabulary): ...

    Raises:
        RegistryError: If the name is taken, or the class is no vocabulary or lacks a method of one.
    """

    def register(cls):
        fault = ""
        if not (isinstance(cls, type) and issubclass(cls, UnitVocabulary)):
            fault = "it must be derived from keras_charrnn.vocabularies.UnitVocabulary or PieceVocabulary"
        elif cls.__abstractmethods__:
            fault = f"it lacks {', '.join(sorted(cls.__abstractmethods__))}"
        if fault:
            raise RegistryError(f"{cls!r} cannot be the vocabulary {name!r}: {fault}")
        registry.vocabularies.register(name, cls)
        return cls

    return register


def shared_out(nats, lengths):
    """Return the nats of the characters of symbols, float32, from the first that begins with one on.

    Args:
        nats: float (N,): of each symbol. Those of one with no character of its own are of the one before it.
        lengths: int (N,): its characters.
    """
    begins = np.flatnonzero(lengths)
    if not len(begins):
        return np.zeros(0, np.float32)
    sums = np.add.reduceat(np.asarray(nats, np.float32), begins)
    return np.repeat(sums / lengths[begins], lengths[begins]).astype(np.float32)


def shown(symbols):
    """Return the first of a list of symbols, as a message names them."""
    return ", ".join(map(repr, symbols[:SHOWN])) + (", …" if len(symbols) > SHOWN else "")


def require_text(text, what):
    """Raise a VocabularyError unless a text is a str."""
    if not isinstance(text, str):
        raise VocabularyError(f"{what} must be a str; received {type(text).__name__}")


def require_policy(unknown):
    """Raise a VocabularyError unless it is one of what may be done with unknown characters."""
    if unknown not in POLICIES:
        raise VocabularyError(f"unknown must be one of {', '.join(POLICIES)}; received {unknown!r}")


def missing(character, place, count, what, symbols):
    """Return the error of a text with characters that a vocabulary lacks.

    Args:
        character: The first one.
        place: Where it is, in words.
        count: How many there are.
        what: What the text is.
        symbols: V.
    """
    others = f" ({count} such characters in all)" if count > 1 else ""
    return VocabularyError(
        f"{what} has the character {character!r} (U+{ord(character):04X}), {place}, which the model's "
        f"vocabulary of {symbols} symbols lacks{others}; leave it out, or train with "
        "`vocabulary: {unknown: drop}` or `replace`"
    )


def place_of(text, index, characters, line):
    """Return in words where a character of a piece is in the whole text."""
    return f"at {characters + index:,} (line {line + text.count(LINE_END, 0, index):,})"
