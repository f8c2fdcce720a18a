"""The sections of a recipe: every key with its default, its meaning and what it accepts."""

import dataclasses

from keras_charrnn.common import encodings
from keras_charrnn.common.escapes import unescape
from keras_charrnn.common.template import Template
from keras_charrnn.errors import SettingsError
from keras_charrnn.recipe.checks import by_name, either, flag, number, one_of, optional, pathname, several, text, whole
from keras_charrnn.recipe.named import Each, Named
from keras_charrnn.recipe.section import Section, key

ABOVE_0 = number("above 0", lambda value: value > 0)
AT_LEAST_0 = number("at least 0", lambda value: value >= 0)
SHARE = number("from 0 to 1", lambda value: 0 <= value <= 1)
SHARE_ABOVE_0 = number("above 0 and at most 1", lambda value: 0 < value <= 1)
RATE = number("at least 0 and below 1", lambda value: 0 <= value < 1)

CORPUS = text("the name of a corpus")
PATHS = pathname("a path or glob")
FILES = optional(either(PATHS, several(PATHS, "paths or globs", minimum=1)))
ENCODING = text(encodings.ACCEPTED, fits=encodings.encoding_name, choices=encodings.NAMES)

UNIT = Named(text("the name of a unit"), "character", {}, further="further arguments of a vocabulary's from_text")
SAMPLER = Named(text("the name of a sampler"), "", {}, further="further arguments of its constructor")
CELL = Named(text("the name of a cell"), "gru", {}, further="further arguments of the cell's constructor")


@dataclasses.dataclass(frozen=True)
class Corpus(Section):
    """The text to learn."""

    name: str | None = key(None, "name of a registered corpus, in place of path", optional(CORPUS))
    path: str | tuple | None = key(
        None,
        "file, list of files or globs, from the recipe's folder, in place of name; - is standard input",
        FILES,
    )
    otherwise: tuple = key([], "corpora to use where the first cannot be had", several(CORPUS, "corpora"), name="else")
    max_bytes: int | None = key(
        None, "most bytes to take from the start of the text; null: all, of python_stdlib 2,000,000", optional(whole(1))
    )
    encoding: str = key("auto", "of files; auto: as their byte-order marks say, UTF-8 without one", ENCODING)
    invalid: str = key(
        "error", "what to do with bytes of a file that its encoding does not allow", one_of("error", "replace")
    )
    validation: str | tuple | None = key(
        None, "files or globs of their own that choose the best model, in place of a share of the text", FILES
    )
    test: str | tuple | None = key(None, "files or globs of their own for a last test, likewise", FILES)
    shuffle: int | None = key(
        None, "seed of an order in which records, files and parts of files are put; null: theirs", optional(whole(0))
    )
    mark: str | None = key(
        None, "what parts documents within files (states.reset: document); null: their ends alone", optional(text())
    )
    template: str | None = key(
        None,
        r"what each record of a JSON Lines, CSV, TSV or Parquet file becomes, as in '{title}\n{text}\n\n'; null: texts",
        optional(text()),
    )

    def conflicts(self):
        if self.name is None and self.path is None:
            return ["corpus: is missing; write {name: tiny_shakespeare} for a registered corpus, or {path: my.txt}"]
        if self.name is not None and self.path is not None:
            return ["corpus: has both name and path; keep one, and leave the other out or set it to null"]
        if self.template is not None and self.path is None:
            return ["corpus.template: is of files, and there is no corpus.path"]
        if self.shuffle is not None and self.path is None:
            return ["corpus.shuffle: is of files, and there is no corpus.path"]
        try:
            _ = self.template and Template(self.template)
        except SettingsError as error:
            return [f"corpus.template: {error}"]
        return []


@dataclasses.dataclass(frozen=True)
class Split(Section):
    """Shares of the corpus, contiguous, in this order.

    A share that is not named follows from those that are: `{test: 0.1}` trains on 0.8 and validates on 0.1, and
    `{train: 0.8}` validates on 0.2. With `validation: 0` there is no best model to choose, and a run keeps the last.
    What has files of its own, `corpus.validation` or `corpus.test`, takes no share: that is trained on.
    """

    train: float = key(0.9, "share of the corpus to train on; what the others leave", SHARE_ABOVE_0)
    validation: float = key(0.1, "share that chooses the best model; 0: none, and the last model is kept", SHARE)
    test: float = key(0.0, "share kept for a last test", SHARE)

    @classmethod
    def complete(cls, values, problems):
        shares = {"validation": 0.1, "test": 0.0, **values}
        missing = next((name for name in ("train", "validation") if name not in values), None)
        if missing is None:
            return values
        others = [name for name in ("train", "validation", "test") if name != missing]
        share = round(1 - sum(shares[name] for name in others), 10)  # 0.8, not 0.7999999999999999
        if share <= 0:
            left = f"{' and '.join(f'{name} {shares[name]:g}' for name in others)} leave nothing"
            problems.append(
                f"split: {left} to train on; make one smaller"
                if missing == "train"
                else f"split: {left} for validation, which chooses the best model; make one smaller, or write "
                "validation: 0 to train without"
            )
        return {**values, missing: share}

    def conflicts(self):
        total = self.train + self.validation + self.test
        if total <= 1 + 1e-9:
            return []
        return [f"split: the shares add up to {total:g}; at most 1 is possible. Leave out train: it takes what is left"]


@dataclasses.dataclass(frozen=True)
class Vocabulary(Section):
    """The symbols. The normal form of `unit` is a dict of "name" and further arguments."""

    unit: dict = key("character", "what a symbol is: character, byte, word, or what a plugin registers", UNIT)

    unknown: str = key("error", "what to do with a character that the corpus lacks", one_of("error", "drop", "replace"))
    min_count: int = key(1, "times that a character, or a word, must occur in the corpus to be a symbol", whole(1))
    most: int | None = key(None, "most symbols, those that occur most often; null: all", optional(whole(2)))

    def conflicts(self):
        if self.unit["name"] == "character" and self.unknown == "error":
            leaving = [name for name in ("min_count", "most") if getattr(self, name) not in (1, None)]
            return [f"vocabulary: {each} leaves characters out; say how: unknown: drop or replace" for each in leaving]
        return []


@dataclasses.dataclass(frozen=True)
class Windows(Section):
    """The pieces of text that make a training step."""

    batch_size: int = key(64, "rows in a batch", whole(1))
    length: int = key(64, "characters in a window of a row", whole(1))
    random_offset: bool = key(True, "whether each epoch starts at an offset of its own", flag())


@dataclasses.dataclass(frozen=True)
class Model(Section):
    """The network. The normal form of `cell` is a dict of "name" and the constructor's further arguments."""

    cell: dict = key("gru", "registered cell of every layer", CELL)
    units: int = key(256, "width of every recurrent layer", whole(1))
    layers: int = key(1, "number of recurrent layers", whole(1))
    embedding: int | str = key(64, "width of the embedding, or one_hot for none", either(whole(1), one_of("one_hot")))
    dropout: float = key(0.0, "share of activations dropped after every recurrent layer and feed-forward block", RATE)
    embedding_dropout: float = key(0.0, "share of the embedding's activations dropped", RATE)
    output_dropout: float | None = key(
        None, "share of activations dropped before the logits; null: as dropout", optional(RATE)
    )
    variational: bool = key(False, "whether these three drop the same in all characters of a window", flag())
    recurrent_dropout: float = key(0.0, "share of the state dropped on its way into the recurrent product", RATE)
    zoneout: float | dict = key(
        0.0, "share of each state's entries that keep their old value at a step", either(RATE, by_name(RATE, "rates"))
    )
    weight_drop: float = key(0.0, "share of the recurrent kernel's entries dropped", RATE)
    normalization: str = key("none", "normalisation before every layer and the logits", one_of("none", "layer", "rms"))
    residual: bool = key(False, "whether a recurrent layer's inputs are added to its outputs, where as wide", flag())
    feed_forward: int = key(0, "width of a feed-forward block after every recurrent layer, 0 for none", whole(0))
    tie_embedding: bool = key(False, "whether the logits are products with the embedding", flag())
    ngrams: int = key(1, "longest n-grams with rows of their own in the embedding, 1 for none", whole(1, 5))

    def conflicts(self):
        found = ["model.cell.units: is the cell's width; write it as model.units"] if "units" in self.cell else []
        if self.tie_embedding and self.embedding != self.units:
            found.append(f"model.tie_embedding: needs model.embedding as wide as model.units, {self.units}")
        if self.embedding_dropout and self.embedding == "one_hot":
            found.append("model.embedding_dropout: there is no embedding to drop of, model.embedding being one_hot")
        if self.ngrams > 1 and self.embedding == "one_hot":
            found.append("model.ngrams: there is no embedding to add to, model.embedding being one_hot")
        return found


@dataclasses.dataclass(frozen=True)
class States(Section):
    """The recurrent states in training."""

    reset: str = key(
        "epoch",
        "when the states return to the initial state; line, document: also at each of them, then and in all use of the "
        "model",
        one_of("epoch", "never", "window", "line", "document"),
    )


@dataclasses.dataclass(frozen=True)
class Validation(Section):
    """Looks at the validation split within an epoch, whichever period ends first, beside that at the end of each.

    Where there are looks, the best model and `training.patience` go by their loss, of the same characters each time: at
    the end of an epoch too, where the loss of the whole split is written as well.
    """

    every_steps: int = key(0, "steps from look to look, 0 for none", whole(0))
    every_minutes: float = key(0.0, "minutes from look to look, 0 for none", AT_LEAST_0)
    characters: int | None = key(
        None, "characters at the beginning of the validation split that a look reads; null: all", optional(whole(2))
    )

    @property
    def looks(self):
        """Whether there are any."""
        return bool(self.every_steps or self.every_minutes)

    def conflicts(self):
        if self.characters is None or self.looks:
            return []
        return ["validation.characters: is of looks, and there are none; write every_steps or every_minutes too"]


@dataclasses.dataclass(frozen=True)
class Samples(Section):
    """Text from the model while it trains."""

    every_epochs: int = key(1, "epochs from sample to sample, 0 for none", whole(0))
    every_steps: int = key(0, "steps from sample to sample, 0 for none", whole(0))
    prefix: str | None = key(
        None,
        r"start of every sample, in which \n is a line end; null: a line end or else the vocabulary's first symbol",
        optional(text()),
    )
    length: int = key(300, "new characters in a sample", whole(1))
    temperatures: tuple = key(
        [0.5, 0.8, 1.0],
        "temperatures, one sample at each; 0 is greedy",
        several(AT_LEAST_0, "one or more numbers, each at least 0", minimum=1),
    )
    top_k: int | None = key(None, "how many of the likeliest symbols to draw from", optional(whole(1)))
    top_p: float | None = key(None, "share of the probability to draw from", optional(SHARE_ABOVE_0))
    min_p: float | None = key(None, "least share of the likeliest symbol's probability to draw from", optional(SHARE))
    no_repeat: int | None = key(None, "let no piece of so many symbols come twice", optional(whole(1, 1000)))
    beams: int | None = key(
        None, "beams of a search for the likeliest text, in place of drawing", optional(whole(1, 1024))
    )
    samplers: tuple = key([], "of plugins, names or mappings with arguments", Each(SAMPLER, "samplers"))
    allow: str | None = key(
        None, "the only characters that may come, as within a regular expression's []", optional(text())
    )
    forbid: str | None = key(None, "characters that may not come, likewise", optional(text()))
    pattern: str | None = key(None, "regular expression that all of the new text matches", optional(text()))
    line_pattern: str | None = key(None, "regular expression that each of its lines matches", optional(text()))

    @property
    def drawing(self):
        """The settings of `generate` besides prefix, length and temperature: a mapping."""
        names = (
            "top_k",
            "top_p",
            "min_p",
            "no_repeat",
            "beams",
            "samplers",
            "allow",
            "forbid",
            "pattern",
            "line_pattern",
        )
        return {name: value for name in names if (value := getattr(self, name)) not in (None, ())}

    @property
    def beginning(self):
        """The prefix without its escapes, as the model reads it; "" for none."""
        return unescape(self.prefix or "")

    def conflicts(self):
        drawn = [name for name in ("top_k", "top_p", "min_p") if self.beams and getattr(self, name) is not None]
        found = [f"samples.{name}: is of drawing, and samples.beams search; leave one out" for name in drawn]
        try:
            _ = self.beginning
        except SettingsError as error:
            found.append(f"samples.prefix: {error}")
        return found


@dataclasses.dataclass(frozen=True)
class Checkpoints(Section):
    """What a run can go on from. Whichever period ends first has a checkpoint written."""

    every_minutes: float = key(5.0, "minutes from checkpoint to checkpoint, 0 for none", AT_LEAST_0)
    every_steps: int = key(0, "steps from checkpoint to checkpoint, 0 for none", whole(0))
    every_epochs: int = key(1, "epochs from checkpoint to checkpoint, 0 for none", whole(0))


@dataclasses.dataclass(frozen=True)
class Compute(Section):
    """The machine."""

    seed: int = key(0, "seed of weights, dropout, offsets and samples", whole(0, 2**32 - 1))
    precision: str = key("auto", "number format of the arithmetic", one_of("auto", "float32", "bfloat16"))
    replicas: int | str = key("auto", "parts of a batch that are computed at once", either(whole(1), one_of("auto")))
    workers: int | str = key("auto", "processes that train together", either(whole(1), one_of("auto")))
    reduce_precision: str = key("float32", "number format of what they send one another", one_of("float32", "bfloat16"))
