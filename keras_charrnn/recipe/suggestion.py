"""A recipe whose sizes fit a text.

The rules come from runs on pieces of Shakespeare of 20,000 to 1,100,000 characters: about as many parameters as
characters to learn from, more dropout and more epochs for less text, and enough steps in an epoch.

Shapes in letters: E width of the embedding, H units, V symbols.
"""

import dataclasses

from keras_charrnn.common.encodings import AUTO
from keras_charrnn.errors import CorpusError
from keras_charrnn.recipe.schema import dump

FEWEST = 100  # characters
TRAIN = 0.9  # share of them
EMBEDDING = 64
# (batch size, length of a window), from the fastest to those that leave the shortest text some steps.
WINDOWS = ((64, 64), (32, 64), (16, 64), (8, 64), (8, 32), (4, 32), (4, 16), (2, 16), (2, 8), (1, 8))
STEPS = 64  # fewest in an epoch, where the text allows
UNITS = range(96, 513, 32)
DROPOUT = ((100_000, 0.5), (500_000, 0.2), (3_000_000, 0.1))  # (characters below which, share)


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """Sizes for a text.

    Attributes:
        characters, symbols: Of the text.
        batch_size, length, units, dropout, epochs, learning_rate: Keys of a recipe.
    """

    characters: int
    symbols: int
    batch_size: int
    length: int
    units: int
    dropout: float
    epochs: int
    learning_rate: float

    @classmethod
    def for_text(cls, characters, symbols):
        """Return the sizes that fit a text of so many characters and different symbols.

        Raises:
            CorpusError: If it has fewer than 100 characters.
        """
        if characters < FEWEST:
            raise CorpusError(f"{characters} characters are too few to learn from; take a text of {FEWEST} or more")
        train = _train(characters)
        enough = [(b, t) for b, t in WINDOWS if (train - t) // (b * t) >= STEPS]
        batch_size, length = (enough or WINDOWS[-1:])[0]
        units = max((each for each in UNITS if parameters(each, symbols) <= train), default=UNITS[0])
        dropout = next((share for below, share in DROPOUT if characters < below), 0.0)
        epochs = min(30, max(2, round(10 * (1_000_000 / train) ** 0.4)))
        return cls(characters, symbols, batch_size, length, units, dropout, epochs, 0.005 if units <= 256 else 0.003)

    @property
    def train(self):
        """Characters to learn from."""
        return _train(self.characters)

    @property
    def steps(self):
        """Steps in an epoch; see `windows.training_windows`."""
        return (self.train - self.length) // (self.batch_size * self.length)

    @property
    def parameters(self):
        """Of the whole model."""
        return parameters(self.units, self.symbols)

    def to_yaml(self, path, expectation="", encoding=AUTO):
        """Return the recipe as a commented YAML file.

        Args:
            path: Of the text, from the recipe's folder.
            expectation: A sentence on the time that training takes; "" where it is not known.
            encoding: Of the text, as a recipe names it.
        """
        quoted = dump(path, default_style='"', width=10_000).strip()
        named = "" if encoding == AUTO else f", encoding: {encoding}"
        every = max(1, self.epochs // 4)
        left_over = self.train - 1 - self.steps * self.batch_size * self.length
        lines = [
            f"# {self.characters:,} characters, {self.symbols} symbols. What every key means: keras-charrnn check",
            *([f"# {expectation}"] if expectation else []),
            f"corpus: {{path: {quoted}{named}}}",
            "# The last tenth decides which epoch's model is kept.",
            f"split: {{validation: {1 - TRAIN:.1f}}}",
            f"# {self.steps:,} steps in an epoch, which leave over {left_over:,} of {self.train:,} characters.",
            f"windows: {{batch_size: {self.batch_size}, length: {self.length}}}",
            f"# {self.parameters:,} parameters; more units learn more, but slower. Dropout hinders learning by heart:",
            "# take more if the loss of training falls far below that of validation, less if the two stay close.",
            f"model: {{cell: gru, units: {self.units}, layers: 1, embedding: {EMBEDDING}, dropout: {self.dropout}}}",
            "training:",
            f"  epochs: {self.epochs}  # fewer are quicker; more help while the loss of validation still falls",
            f"  optimizer: {{name: adamw, learning_rate: {self.learning_rate}, weight_decay: 0.01}}",
            "  schedule: cosine  # the learning rate falls to 0 at the last epoch",
            "  clip_norm: 1.0",
            "# Text from the model on the way; `prefix: Once` would begin it.",
            f"samples: {{every_epochs: {every}, length: 300, temperatures: [0.5, 0.8]}}",
        ]
        return "\n".join(lines) + "\n"


def parameters(units, symbols):
    """Return the parameters of a model with one GRU layer: 3 H (E + H + 2) of it, V E before, (H + 1) V behind."""
    return 3 * units * (EMBEDDING + units + 2) + symbols * EMBEDDING + (units + 1) * symbols


def _train(characters):
    """Return how many characters of a text are learned from."""
    return int(TRAIN * characters)
