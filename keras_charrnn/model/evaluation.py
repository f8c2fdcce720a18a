"""How well a model predicts a text, in nats and bits per character.

Two protocols, whose figures are not to be compared with one another:

`carried`: one pass over every character of the text, the state carried, nothing dropped.
`windows`: random windows of 256 characters, each from the initial states, all positions counted, among them the first,
which have little to go by. So does nanoGPT, whose published figures are of this kind.

Shapes in letters: B rows, T characters of a window.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError, WindowsError
from keras_charrnn.model.shapes import LENGTHS, ROWS, at_least
from keras_charrnn.text.vocabularies import LINE_END
from keras_charrnn.text.windows import WARM_UP, EvaluationRows

PROTOCOLS = ("carried", "windows")
LENGTH = 128  # T of `carried`
PIECE = 2**20  # characters that are read at once, some 30 MB
WINDOW = 256  # T of `windows`
SHOWN = 200  # characters of a line that are kept to show it
BATCH, BATCHES = 64, 200  # random windows of a batch, and batches, as in nanoGPT


def bits(nats):
    """Return nats in bits."""
    return nats / math.log(2)


class Figures:
    """What follows from `nats_per_character`, the mean surprise: the cross-entropy, which is the loss of training."""

    @property
    def figures(self):
        """The three of them, a mapping from their names."""
        return {each: getattr(self, each) for each in ("nats_per_character", "bits_per_character", "perplexity")}

    @property
    def bits_per_character(self):
        """The mean surprise in bits."""
        return bits(self.nats_per_character)

    @property
    def perplexity(self):
        """exp of the mean surprise: among how many equally likely characters the model seems to choose."""
        return math.exp(self.nats_per_character)


@dataclasses.dataclass(frozen=True)
class Score(Figures):
    """The surprise of a text's characters.

    Attributes:
        nats: float32 array: for each character but the first, minus the natural logarithm of the probability that the
            model gave it after all that stands before it. Those of a first symbol of several characters are left out;
            any other's nats are shared out among its characters.
        symbols: The number of symbols that were predicted.
    """

    nats: np.ndarray
    symbols: int

    @property
    def characters(self):
        """The number of characters that were predicted: all but the first."""
        return len(self.nats)

    @property
    def nats_per_symbol(self):
        """The mean surprise of a symbol in nats."""
        return float(np.sum(self.nats, dtype=np.float64)) / self.symbols

    @property
    def nats_per_character(self):
        """The mean surprise in nats."""
        return float(np.mean(self.nats, dtype=np.float64))


@dataclasses.dataclass(frozen=True)
class Line(Figures):
    """The surprise of a line of a text, the line end that closes it included.

    Attributes:
        number: From 1.
        beginning: Its first characters, 200 at most.
        characters: How many were predicted: all, but for the first of the text and any that the vocabulary drops.
        nats: Their sum.
    """

    number: int
    beginning: str
    characters: int
    nats: float

    @property
    def nats_per_character(self):
        """The mean surprise in nats; NaN where no character was predicted."""
        return self.nats / self.characters if self.characters else math.nan


class Lines:
    """Gathers what `Scorer.stream` yields into lines, of which none need be in memory as a whole."""

    def __init__(self):
        self._number, self._beginning, self._characters, self._nats = 1, "", 0, 0.0

    def add(self, piece, nats):
        """Take a piece and the nats of its characters; yield each `Line` that ends in it."""
        predicted = ~np.isnan(nats)
        begin = 0
        while begin < len(piece):
            end = piece.find(LINE_END, begin) + 1 or len(piece)
            self._beginning += piece[begin : min(end, begin + SHOWN - len(self._beginning))]
            self._characters += int(np.count_nonzero(predicted[begin:end]))
            self._nats += float(np.sum(nats[begin:end], where=predicted[begin:end], dtype=np.float64))
            if piece[end - 1] == LINE_END:
                yield from self.end()
            begin = end

    def end(self):
        """Yield the `Line` that has not ended yet, if there is one: the last of a text without a line end there."""
        if self._beginning:
            yield Line(self._number, self._beginning.removesuffix(LINE_END), self._characters, self._nats)
            self._number, self._beginning, self._characters, self._nats = self._number + 1, "", 0, 0.0


class Scorer:
    """Scores texts with a model that has `vocabulary`, `initial_states` and `run`, and keeps its compiled pass."""

    def __init__(self, model):
        self._model = model
        self._losses = tf.function(self._window, autograph=False)

    def score(self, text):
        """Return the `Score` of a text, read from the initial states in one pass.

        A text of more than 2,048 characters is read as rows side by side, each warmed up by the 256 characters before
        it: see `windows.evaluation_windows`.

        Raises:
            SettingsError: If the text has fewer than 2 characters that the model knows.
            VocabularyError: If it has a character that the model does not know.
        """
        vocabulary = self._model.vocabulary
        ids = vocabulary.encode(text)
        if len(ids) < 2:
            raise SettingsError(f"a score needs a text of at least 2 characters; received {text!r}")
        nats = vocabulary.spread(text, ids, np.concatenate([[np.nan], *self.surprise(ids)]))
        return Score(nats[~np.isnan(nats)], len(ids) - 1)

    def stream(self, pieces, what="the text"):
        """Score a text that comes in pieces, in an amount of memory that depends on the largest of them alone.

        Args:
            pieces: Iterable of str, which together are the text; some 100,000 characters each are read fastest.
            what: What the text is, for messages.

        Yields:
            Pieces of the text, each with a float32 array of the nats of its characters, NaN for those that are not
            predicted: the first of the text, and any that the vocabulary drops.

        Raises:
            VocabularyError: If there is a character that the model does not know, and its vocabulary neither drops nor
                replaces it.
        """
        for piece, _, nats in self.stream_ids(pieces, what):
            yield piece, nats

    def stream_ids(self, pieces, what="the text"):
        """Yield what `stream` does, with the ids of each piece between it and its nats."""
        vocabulary, before = self._model.vocabulary, None
        for piece, ids in vocabulary.encode_pieces(pieces, what):
            nats = np.full(len(ids), np.nan, np.float32)
            if len(ids):
                losses, before = self._continue(before, ids)
                nats[len(ids) - len(losses) :] = losses
            yield piece, ids, vocabulary.spread(piece, ids, nats)

    def surprise(self, ids):
        """Yield arrays of float32 that together are the nats of all ids but the first: the protocol `carried`."""
        before = None
        for begin in range(0, len(ids), PIECE):
            losses, before = self._continue(before, ids[begin : begin + PIECE])
            yield losses

    def windows(self, ids, seed=0, batches=BATCHES, what="the text"):
        """Return the nats of random windows of 256 symbols, of how many, and of how many characters: `windows`.

        Args:
            ids: The text, an array of integers.
            seed: Of the windows' places.
            batches: Of 64 windows each.
            what: What the text is, for messages.

        Raises:
            WindowsError: If there are fewer than 257 ids.
        """
        if len(ids) <= WINDOW:
            raise WindowsError(
                f"{what}: the protocol windows needs at least {WINDOW + 1} characters; there are {len(ids)}. "
                "Take a longer text, or the protocol carried"
            )
        starts = np.random.default_rng(seed).integers(0, len(ids) - WINDOW, (batches, BATCH))
        initial, total, characters = self._model.initial_states(BATCH), 0.0, 0
        for each in starts:
            places = each[:, None] + np.arange(WINDOW)
            targets = ids[places + 1]
            losses, _ = self._losses(ids[places].astype(np.int32), targets.astype(np.int32), initial)
            total += float(np.sum(losses.numpy(), dtype=np.float64))
            characters += self._model.vocabulary.characters(targets.ravel())
        return total, starts.size * WINDOW, characters

    def _continue(self, before, ids):
        """Return the nats of `ids` after those of `before`, and what is to stand before the next ids."""
        joined = ids if before is None else np.concatenate([before, ids])
        counted = len(joined) - 1 if before is None else len(ids)
        losses = self._nats(joined)[len(joined) - 1 - counted :] if counted else np.zeros(0, np.float32)
        return losses, joined[-(WARM_UP + 1) :]

    def _nats(self, ids):
        length = min(LENGTH, at_least(len(ids) - 1, LENGTHS))
        rows = EvaluationRows(ids, length=length, split="the text")
        wide = at_least(rows.count, ROWS)
        states, nats, counted = self._model.initial_states(wide), [], []
        for place in range(0, rows.steps * length, length):
            text = np.pad(rows.text(place).astype(np.int32), [(0, wide - rows.count), (0, 0)])
            losses, states = self._losses(text[:, :-1], text[:, 1:], states)
            nats.append(losses.numpy()[: rows.count])
            counted.append(rows.counted(place))
        # Row after row, the counted targets are the text in order.
        return np.concatenate(nats, 1)[np.concatenate(counted, 1)]

    def _window(self, inputs, targets, states):
        logits, states = self._model.run(inputs, states)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits), states
