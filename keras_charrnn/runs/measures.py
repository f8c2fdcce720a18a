"""The figures of a trained model on a split of its corpus, or on any text, by a named protocol."""

import dataclasses
import os

import numpy as np

from keras_charrnn.common.files import user_path
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CorpusError, SettingsError
from keras_charrnn.model import CharRNN
from keras_charrnn.model.evaluation import PROTOCOLS, Figures
from keras_charrnn.runs.folder import Run, RunFolder, load
from keras_charrnn.runs.records import choosing
from keras_charrnn.text import corpora, windows
from keras_charrnn.text.encoding import encode

SPLITS = ("train", "validation", "test")
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
    """

    nats_per_character: float
    characters: int
    protocol: str
    corpus: str
    split: str | None = None
    chosen_by: str | None = None
    seed: int | None = None
    unknown: int = 0

    def to_mapping(self):
        """Return the figures and what was measured, as plain values."""
        figures = ("nats_per_character", "bits_per_character", "perplexity", "characters")
        rest = ("protocol", "corpus", "split", "chosen_by", "seed", "unknown")
        return {name: getattr(self, name) for name in (*figures, *rest)}


def evaluate(run_or_model, text=None, split="validation", protocol="carried", seed=0, plugins=()):
    """Measure how well a model predicts a text.

    Args:
        run_or_model: A `Run` or the path of its folder; a `CharRNN` or the path of its file, which need a text.
        text: A str or a `corpora.Text`, in place of the run's own corpus.
        split: "train", "validation" or "test": the part of the run's corpus, as its recipe cut it.
        protocol: "carried": one pass over every character, the state carried. "windows": 12,800 random windows of 256
            characters, each from the initial states, as in nanoGPT. The two are different measures.
        seed: Of the random windows.
        plugins: As `load` takes them, with a path.

    Returns:
        An `Evaluation`.

    Raises:
        SettingsError: If the protocol or split is none of these, the split is empty or not that of the training, there
            is no text, or it has fewer than 2 characters that the model knows.
        WindowsError: If the text has fewer than 257 characters, with random windows.
        CorpusError: If the run's corpus cannot be had any more, or is another text by now.
        VocabularyError: If the text has a character that the model does not know.
        RunError: If there is no such run or file.
    """
    _require("protocol", PROTOCOLS, protocol)
    _require("split", SPLITS, split)
    run, model = _open(run_or_model, plugins)
    unknown = 0
    if text is not None:
        name, text = (text.name, text.text) if isinstance(text, corpora.Text) else ("text", text)
        what, split = f"the text {name!r}" if name != "text" else "the text", None
        ids = model.vocabulary.encode(text, what)
        unknown = _unknown(model.vocabulary, text)
    elif run is None:
        raise SettingsError("a model has no corpus of its own; give a text, or the run in place of the model")
    else:
        name, ids = _read_split(run, model, split)
        what = f"the {split} split of {run.folder}"
    if len(ids) < 2:
        raise SettingsError(f"{what} has {len(ids)} characters to evaluate; at least 2 are needed")
    if protocol == "windows":
        nats, characters = model.scorer.windows(ids, seed, what=what)
    else:
        total = sum(float(np.sum(each, dtype=np.float64)) for each in model.scorer.surprise(ids))
        nats, characters, seed = total / (len(ids) - 1), len(ids) - 1, None
    return Evaluation(nats, characters, protocol, name, split, _chosen_by(run), seed, unknown)


def evaluate_pieces(run_or_model, pieces, corpus, watch=None):
    """Measure how well a model predicts a text of any length, by the protocol `carried`, in constant memory.

    Args:
        run_or_model: As for `evaluate`.
        pieces: Iterable of str, as from `corpora.read_pieces`.
        corpus: Name of the text.
        watch: Called with each piece and the nats of its characters: see `Scorer.stream`.

    Returns:
        An `Evaluation`.

    Raises:
        SettingsError: If the text has fewer than 2 characters that the model knows.
        VocabularyError: If it has a character that the model does not know.
    """
    run, model = _open(run_or_model)
    total, characters, unknown = 0.0, 0, 0
    for piece, nats in model.scorer.stream(pieces, corpus):
        predicted = ~np.isnan(nats)
        total += float(np.sum(nats, where=predicted, dtype=np.float64))
        characters += int(np.count_nonzero(predicted))
        unknown += _unknown(model.vocabulary, piece)
        if watch is not None:
            watch(piece, nats)
    if not characters:
        raise SettingsError(f"{corpus} is too short for a score: it needs at least 2 characters that the model knows")
    return Evaluation(total / characters, characters, "carried", corpus, chosen_by=_chosen_by(run), unknown=unknown)


def training_text(run):
    """Return the text that a run's model has learned from, as the model sees it: an iterable of str.

    Args:
        run: A `Run` or the path of its folder.

    Raises:
        SettingsError: If it is no run but a model alone.
        CorpusError: If the run's corpus cannot be had any more, or is another text by now.
        RunError: If there is no such run.
    """
    run, model = _open(run)
    if run is None:
        raise SettingsError("a model alone does not know the text that it has learned from; give the run's folder")
    text, environment = _read_corpus(run)
    return learned(text, model.vocabulary, environment["split"].get("train", 0))


def learned(text, vocabulary, characters):
    """Yield, in pieces, the first characters of a text without what a vocabulary drops and with what it replaces.

    Args:
        text: A `corpora.Text`.
        vocabulary: A `Vocabulary`.
        characters: How many of those that are left.
    """
    for piece in text.pieces():
        if vocabulary.unknown != "error":
            piece = vocabulary.decode(vocabulary.encode(piece, text.source))
        yield piece[:characters]
        characters -= len(piece)
        if characters <= 0:
            return


def open_source(path, plugins=()):
    """Return what `evaluate` takes: the `Run` of a folder, or the `CharRNN` of a file; `plugins` as in `load`."""
    return Run.open(path, plugins) if user_path(path).is_dir() else load(path, plugins)


def _open(source, plugins=()):
    """Return a run, or None, and its model."""
    if isinstance(source, str | os.PathLike):
        source = open_source(source, plugins)
    if isinstance(source, Run):
        return source, source.model
    if isinstance(source, CharRNN):
        return None, source
    raise SettingsError(f"run_or_model must be a Run, a CharRNN or a path; received {source!r}")


def _chosen_by(run):
    """Return the split that chose the model of a run; None where there is no run, or none did."""
    return CHOOSING if run is not None and choosing(run.history, run.progress)[0] else None


def _read_split(run, model, split):
    """Return the name of the run's corpus, and the ids of one part of it."""
    text, environment = _read_corpus(run)
    parts = windows.split(encode(text, model.vocabulary), dataclasses.astuple(_recipe_of(run).split))
    parts = dict(zip(SPLITS, parts, strict=True))
    for name, part in parts.items():
        if len(part) != (count := environment["split"].get(name, len(part))):  # or it could be what the model learned
            raise SettingsError(
                f"the recipe of {run.folder} was changed since: by its split, {name} has {len(part):,} characters of "
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


def _read_corpus(run):
    """Return the text of a run, and the record of it."""
    text = corpora.load(**vars(_recipe_of(run).corpus))
    environment = RunFolder(run.folder).read_environment()
    trained_on = environment["corpus"]["sha256"]
    if text.sha256 != trained_on:
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
