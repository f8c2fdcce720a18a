"""The figures of a trained model on a split of its corpus, or on any text, by a named protocol."""

import dataclasses

import numpy as np

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CorpusError, SettingsError
from keras_charrnn.model import Ensemble
from keras_charrnn.model.dynamic import Dynamic, DynamicScorer, Learning
from keras_charrnn.model.evaluation import PIECE, PROTOCOLS, Figures
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.records import choosing
from keras_charrnn.runs.sources import runs_and_model
from keras_charrnn.text import corpora
from keras_charrnn.text.parts import SPLITS, encode_parts

CHOOSING = "validation"  # the split whose loss decides which model a run keeps


@dataclasses.dataclass(frozen=True)
class Evaluation(Figures):
    """How well a model predicts a text, and what exactly was measured.

    `bits_per_character` and `perplexity` follow from the nats.

    Attributes:
        nats_per_character: The mean surprise of a predicted character.
        characters: How many were predicted; in random windows some more than once.
        protocol: "carried" or "windows"; see `evaluation`.
        corpus: Name of the text.
        split: The part of the run's corpus; None for another text.
        chosen_by: The split that chose the model among the run's epochs, on which the figure is a little too good; None
            for a model of which that is not known.
        seed: Of the random windows; None without them.
        unknown: Characters of the text that the model does not know, which its vocabulary dropped or replaced.
        members: Names of the models whose probabilities were averaged; () for one model.
        dynamic: The figures of dynamic evaluation, a `Dynamic`, where that was asked for; all others are without.
        unit: Of the model's vocabulary.
        symbols: How many symbols were predicted: as many as characters, where the unit is that.
    """

    nats_per_character: float
    characters: int
    protocol: str
    corpus: str
    split: str | None = None
    chosen_by: str | None = None
    seed: int | None = None
    unknown: int = 0
    members: tuple = ()
    dynamic: Dynamic | None = None
    unit: str = "character"
    symbols: int | None = None

    @property
    def nats_per_symbol(self):
        """The mean surprise of a predicted symbol."""
        return self.nats_per_character * self.characters / (self.symbols or self.characters)

    def to_mapping(self):
        """Return the figures and what was measured, as plain values."""
        rest = ("characters", "protocol", "corpus", "split", "chosen_by", "seed", "unknown")
        return {
            **self.figures,
            **{name: getattr(self, name) for name in rest},
            "ensemble": bool(self.members),
            "members": list(self.members),
            "dynamic": None if self.dynamic is None else self.dynamic.to_mapping(),
            "unit": self.unit,
            "symbols": self.symbols,
            "nats_per_symbol": self.nats_per_symbol,
        }


def evaluate(run_or_model, text=None, split="validation", protocol="carried", seed=0, plugins=(), dynamic=False):
    """Measure how well a model predicts a text.

    Args:
        run_or_model: A `Run` or the path of its folder; a `CharRNN`, an `Ensemble` or the path of a model's file, which
            need a text. "A+B", or a list of paths, is an ensemble, as in `load`; of runs it has their corpus.
        text: A str or a `corpora.Text`, in place of the run's own corpus.
        split: "train", "validation" or "test": the part of the run's corpus, as its recipe cut it.
        protocol: "carried": one pass over every character, the state carried. "windows": 12,800 random windows of 256
            characters, each from the initial states, as in nanoGPT. The two are different measures.
        seed: Of the random windows.
        plugins: As `load` takes them, with a path.
        dynamic: Whether to measure too how well a copy of the model predicts the text that learns from each segment
            once that is scored; or a mapping of attributes of `Learning`. Of one run, by the protocol carried.

    Returns:
        An `Evaluation`.

    Raises:
        SettingsError: If the protocol or split is none of these, the split is empty or not that of the training, there
            is no text, or it has fewer than 2 characters that the model knows; if an ensemble is none, dynamic
            evaluation cannot be had, or its rate is too high.
        WindowsError: If the text has fewer than 257 characters, with random windows.
        CorpusError: If the run's corpus cannot be had any more, or is another text by now.
        VocabularyError: If the text has a character that the model does not know.
        RunError: If there is no such run or file.
    """
    _require("protocol", PROTOCOLS, protocol)
    _require("split", SPLITS, split)
    runs, model = runs_and_model(run_or_model, plugins)
    if dynamic is not False and protocol != "carried":
        raise SettingsError(f"dynamic evaluation is one pass over a text, and not by the protocol {protocol}")
    unknown = 0
    if text is not None:
        name, text = (text.name, text.text) if isinstance(text, corpora.Text) else ("text", text)
        what, split = f"the text {name!r}" if name != "text" else "the text", None
        ids = model.vocabulary.encode(text, what)
        unknown = _unknown(model.vocabulary, text)
    elif not runs:
        raise SettingsError("a model has no corpus of its own; give a text, or the run in place of the model")
    else:
        name, ids = _read_split(runs, model, split)
        what = f"the {split} split of {runs[0].folder}"
    if len(ids) < 2:
        raise SettingsError(f"{what} has {len(ids)} characters to evaluate; at least 2 are needed")
    learner = _learner(runs, model, dynamic)
    vocabulary = model.vocabulary
    if protocol == "windows":
        total, symbols, characters = model.scorer.windows(ids, seed, what=what)
    else:
        total = sum(float(np.sum(each, dtype=np.float64)) for each in model.scorer.surprise(ids))
        symbols, characters, seed = len(ids) - 1, vocabulary.characters(ids[1:]), None
    if not characters:
        raise SettingsError(f"{what} has no whole character to evaluate after its first symbol")
    if learner is not None:
        for begin in range(0, len(ids), PIECE):
            learner.add(ids[begin : begin + PIECE])
    found = getattr(model, "names", ()), learner and learner.end(), vocabulary.unit, symbols
    return Evaluation(total / characters, characters, protocol, name, split, _chosen_by(runs), seed, unknown, *found)


def evaluate_pieces(run_or_model, pieces, corpus, watch=None, dynamic=False):
    """Measure how well a model predicts a text of any length, by the protocol `carried`, in constant memory.

    Args:
        run_or_model: As for `evaluate`.
        pieces: Iterable of str, as from `corpora.read_pieces`.
        corpus: Name of the text.
        watch: Called with each piece and the nats of its characters: see `Scorer.stream`.
        dynamic: As for `evaluate`.

    Returns:
        An `Evaluation`.

    Raises:
        SettingsError: If the text has fewer than 2 characters that the model knows, or as of `evaluate`.
        VocabularyError: If it has a character that the model does not know.
    """
    runs, model = runs_and_model(run_or_model)
    learner = _learner(runs, model, dynamic)
    total, characters, unknown, symbols = 0.0, 0, 0, -1  # the first symbol is not predicted
    for piece, ids, nats in model.scorer.stream_ids(pieces, corpus):
        predicted = ~np.isnan(nats)
        total += float(np.sum(nats, where=predicted, dtype=np.float64))
        characters += int(np.count_nonzero(predicted))
        unknown += _unknown(model.vocabulary, piece)
        symbols += len(ids)
        if learner is not None:
            learner.add(ids)
        if watch is not None:
            watch(piece, nats)
    if not characters:
        raise SettingsError(f"{corpus} is too short for a score: it needs at least 2 characters that the model knows")
    rest = {"chosen_by": _chosen_by(runs), "unknown": unknown, "members": getattr(model, "names", ())}
    rest |= {"unit": model.vocabulary.unit, "symbols": symbols}
    return Evaluation(total / characters, characters, "carried", corpus, **rest, dynamic=learner and learner.end())


def training_text(run):
    """Return the text that a run's model has learned from, as the model sees it: an iterable of str.

    Args:
        run: A `Run` or the path of its folder.

    Raises:
        SettingsError: If it is no run but a model alone.
        CorpusError: If the run's corpus cannot be had any more, or is another text by now.
        RunError: If there is no such run.
    """
    runs, model = runs_and_model(run)
    if not runs:
        raise SettingsError("a model alone does not know the text that it has learned from; give the run's folder")
    text, environment = _read_common(runs)
    return learned(text, model.vocabulary, environment["split"].get("train", 0))


def validation_text(run, characters):
    """Return the first characters of a run's validation split, as its model sees them; for errors see `evaluate`."""
    runs, model = runs_and_model(run)
    return model.vocabulary.decode(np.asarray(_read_split(runs, model, CHOOSING)[1][:characters]))


def learned(text, vocabulary, characters):
    """Yield, in pieces, the first characters of a text without what a vocabulary drops and with what it replaces.

    Args:
        text: A `corpora.Text`.
        vocabulary: A `Vocabulary`.
        characters: How many of those that are left.
    """
    for piece in text.pieces():
        if vocabulary.unknown != "error":  # no piece of it is cut for its own sake: what is left is the same
            piece = vocabulary.decode(vocabulary.encode(piece, text.source))
        yield piece[:characters]
        characters -= len(piece)
        if characters <= 0:
            return


def _chosen_by(runs):
    """Return the split that chose the models of some runs; None where there is no run, or none did."""
    return CHOOSING if any(choosing(each.history, each.progress)[0] for each in runs) else None


def _learner(runs, model, dynamic):
    """Return the `DynamicScorer` of a run; None where that is not asked for."""
    if dynamic is False:
        return None
    if isinstance(model, Ensemble):
        raise SettingsError("dynamic evaluation is of one model, and not of an ensemble; give one run")
    if not runs:
        raise SettingsError(
            "dynamic evaluation needs the text that the model was trained on, and a model alone does not know it; "
            "give the run's folder"
        )
    return DynamicScorer(model, _read_split(runs, model, "train")[1], Learning.of(dynamic))


def _read_split(runs, model, split):
    """Return the name of the corpus of some runs, and the ids of one part of it."""
    run, (text, environment) = runs[0], _read_common(runs)
    parts = encode_parts(text, model.vocabulary, dataclasses.astuple(_recipe_of(run).split))
    for name, part in parts.items():
        now = model.vocabulary.characters(part)
        if now != (count := environment["split"].get(name, now)):  # or it could be what the model learned
            raise SettingsError(
                f"the recipe of {run.folder} was changed since: by its split, {name} has {now:,} characters of "
                f"the text, and {count:,} in the training; bring the shares back"
            )
    ids = parts[split]
    if not len(ids):
        raise SettingsError(
            f"the run {run.folder} has no {split} split: its recipe has split.{split} at 0; take another split, or a "
            "text"
        )
    return text.name, ids


def _recipe_of(run):
    return RunFolder.open(run.folder).read_recipe(run.plugins)


def _read_common(runs):
    """Return the text of some runs, and the record of it."""
    run, *others = runs
    text, environment = _read_corpus(run)
    for other in others:  # or one of them could have learned what all are measured on
        record = RunFolder(other.folder).read_environment()
        if not text.is_that_of(record["corpus"]) or record["split"] != environment["split"]:
            raise SettingsError(
                f"{run.folder} and {other.folder} were not trained on the same part of the same text, and have no "
                "split in common; give a text"
            )
    return text, environment


def _read_corpus(run):
    """Return the text of a run, and the record of it."""
    recipe = _recipe_of(run)
    text = corpora.load(**recipe.reading)
    environment = RunFolder(run.folder).read_environment()
    trained_on = environment["corpus"]["sha256"]
    if not text.is_that_of(environment["corpus"]):
        raise CorpusError(
            f"{text.source} is not the text that {run.folder} was trained on any more (its sha256 is {text.sha256}, "
            f"not {trained_on}); bring that back, or evaluate the run on a text of your choice"
        )
    return text, environment


def _unknown(vocabulary, text):
    """Return how many characters were dropped or replaced."""
    return 0 if vocabulary.unknown == "error" else int(np.count_nonzero(~vocabulary.knows(text)))


def _require(name, accepted, value):
    if value not in accepted:
        near = suggest(value, accepted) if isinstance(value, str) else ""
        raise SettingsError(f"{name} must be one of {', '.join(accepted)}; received {value!r}{near}")
