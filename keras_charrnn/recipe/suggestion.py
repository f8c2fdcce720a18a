"""A recipe whose sizes fit a text.

One layer of `rms_norm_lstm` under Muon learns most in a given time. Its sizes follow from the number of characters, by
trainings on prose, verse, source code, names, a log and Chinese of 10,000 to 2,000,000 characters: a short text is soon
known by heart, so that few passes over it with much dropout are best; of these a small batch makes enough steps. More
text takes more units, less dropout and larger batches, which are faster. The number of symbols changes nothing: what a
Chinese text adds to the embedding and the head did not call for other sizes. N-grams help prose and source code most; a
log, whose lines repeat one another, does without. `benchmarks/suggestions.py` compares the recipes with those of the
rule before, one GRU under AdamW.

Shapes in letters: E width of the embedding, H units, V symbols.
"""

import dataclasses

from keras_charrnn.common.encodings import AUTO
from keras_charrnn.errors import CorpusError
from keras_charrnn.recipe.arguments import lacking
from keras_charrnn.recipe.schema import dump

FEWEST = 100  # characters
TRAIN = 0.9  # share of them
CELL = "rms_norm_lstm"
EMBEDDING, NGRAMS = 64, 5
FEWEST_UNITS = 96
# (characters from which on, batch size, units, dropout, epochs, decay of n-grams)
SIZES = (
    (0, 8, FEWEST_UNITS, 0.5, 12, 3.0),
    (20_000, 8, 128, 0.4, 8, 3.0),
    (80_000, 8, 192, 0.4, 6, 3.0),
    (150_000, 8, 256, 0.4, 6, 3.0),
    (400_000, 16, 256, 0.25, 5, 1.0),
    (800_000, 32, 256, 0.15, 3, 1.0),
    (3_000_000, 32, 384, 0.05, 1, 1.0),
)
LENGTH = 64  # of a window
# (batch size, length of a window) where the shortest text would have too few steps.
SMALLER = ((8, 32), (4, 32), (4, 16), (2, 16), (2, 8), (1, 8))
STEPS = 64  # fewest in an epoch, where the text allows
# Optimizers with their learning rate and weight decay, of which a recipe takes the first that the Keras here has.
OPTIMIZERS = {"muon": (0.015, 0.1), "adamw": (0.005, 0.01)}


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """Sizes for a text.

    Attributes:
        characters, symbols: Of the text.
        batch_size, length, units, dropout, epochs, ngram_decay: Keys of a recipe.
        optimizer: Its name in `OPTIMIZERS`.
    """

    characters: int
    symbols: int
    batch_size: int
    length: int
    units: int
    dropout: float
    epochs: int
    ngram_decay: float
    optimizer: str

    @classmethod
    def for_text(cls, characters, symbols):
        """Return the sizes that fit a text of so many characters and different symbols.

        Raises:
            CorpusError: If it has fewer than 100 characters.
        """
        if characters < FEWEST:
            raise CorpusError(f"{characters} characters are too few to learn from; take a text of {FEWEST} or more")
        train = _train(characters)
        batch_size, units, dropout, epochs, ngram_decay = max(each for each in SIZES if each[0] <= characters)[1:]
        windows = [(batch_size, LENGTH), *SMALLER]
        enough = [(b, t) for b, t in windows if (train - t) // (b * t) >= STEPS]
        batch_size, length = (enough or windows[-1:])[0]
        optimizer = next(name for name in OPTIMIZERS if not lacking(name))
        return cls(characters, symbols, batch_size, length, units, dropout, epochs, ngram_decay, optimizer)

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
        """Of the whole model, but for the tables of n-grams."""
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
        rate, decay = OPTIMIZERS[self.optimizer]
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
            f"# Each n-gram of up to {NGRAMS} characters has a row of its own beside that of its last character.",
            f"model: {{cell: {CELL}, units: {self.units}, layers: 1, embedding: {EMBEDDING}, ngrams: {NGRAMS}, "
            f"dropout: {self.dropout}}}",
            "training:",
            f"  epochs: {self.epochs}  # fewer are quicker; more help while the loss of validation still falls",
            f"  optimizer: {{name: {self.optimizer}, learning_rate: {rate}, weight_decay: {decay}}}",
            f"  ngram_decay: {self.ngram_decay}  # takes back from such a row what does not come again",
            "  schedule: cosine  # the learning rate falls to 0 at the last epoch",
            "  clip_norm: 1.0",
            "# Text from the model on the way; `prefix: Once` would begin it.",
            f"samples: {{every_epochs: {every}, length: 300, temperatures: [0.5, 0.8]}}",
        ]
        return "\n".join(lines) + "\n"


def parameters(units, symbols):
    """Return the parameters of a model with one layer: 3 H (E + H) + 7 H of it, V E before, (H + 1) V behind."""
    return units * (3 * (EMBEDDING + units) + 7) + symbols * EMBEDDING + (units + 1) * symbols


def _train(characters):
    """Return how many characters of a text are learned from."""
    return int(TRAIN * characters)
