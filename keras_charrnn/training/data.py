"""The text of a run, and what is made of it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_charrnn import recipe
from keras_charrnn.common.progress import progress
from keras_charrnn.errors import SettingsError, VocabularyError
from keras_charrnn.recipe.fights import refuse_fights
from keras_charrnn.text import corpora, vocabularies
from keras_charrnn.text.parts import beginning, encode_parts
from keras_charrnn.text.vocabularies import UnitVocabulary
from keras_charrnn.text.windows import Windows, evaluation_windows, training_windows
from keras_charrnn.training.teaching import Lessons


def read_recipe(source, overrides, callbacks=(), name=None):
    """Read a recipe for a training: refuse what fights in it, and keep texts of pipes as files, which it names then.

    Args:
        source, overrides: As in `recipe.read`.
        callbacks: Keras callbacks beside those that it names.
        name: Of the runs, in place of the recipe's; None for that.
    """
    overrides = overrides or {}
    if name is not None and isinstance(overrides, Mapping):
        overrides = {**overrides, "name": name}
    plan = recipe.read(source, overrides)
    refuse_fights(plan, source, callbacks)
    corpus = plan.corpus
    kept = {"path": corpora.keep(corpus.path, corpus.max_bytes)}
    kept |= {name: corpora.keep(getattr(corpus, name)) for name in ("validation", "test")}
    return dataclasses.replace(plan, corpus=dataclasses.replace(corpus, **kept))


def read_text(plan, console):
    """Read the text of a recipe, with a bar on the console while that takes."""
    with progress("reading the text", console=console) as advance:
        return corpora.load(**plan.reading, progress=advance)


def vocabulary_of(text, plan, known=None):
    """Return the vocabulary of a text by a recipe.

    Args:
        text: A `corpora.Text`.
        plan: The `Recipe`.
        known: That of a model to begin from, whose symbols keep their ids unless `start.vocabulary` is text; None for
            none.

    Raises:
        VocabularyError: If nothing can be made of the text, or the model's is of another unit.
    """
    vocabulary = vocabularies.make(text, **vars(plan.vocabulary))
    if known is None:
        return vocabulary
    if known.unit != vocabulary.unit:
        raise VocabularyError(
            f"vocabulary.unit: is {vocabulary.unit}, and the model to begin from has the unit {known.unit}; write that"
        )
    if plan.start.vocabulary == "text":
        return vocabulary
    return known.with_added(vocabulary.symbols, plan.vocabulary.unknown)


@dataclasses.dataclass(frozen=True)
class Data:
    """The text of a run, and what is made of it.

    Attributes:
        text: As it was read.
        vocabulary: Of the whole text.
        counts: int (V,): of each symbol in the text.
        ids: The training split, an array of integers.
        split: Mapping from "train", "validation" and "test" to their numbers of characters.
        training: `Windows`.
        validation: `Windows`; None where the recipe has no validation split.
        part: `Windows` of the part of it that looks read; None where that is all of it, or there are no looks.
        batch_size: B, of all workers.
        lessons: What a teacher says of the training split, `Lessons`; None without one.
    """

    text: corpora.Text
    vocabulary: UnitVocabulary
    counts: np.ndarray
    ids: np.ndarray
    split: dict
    training: Windows
    validation: Windows | None
    part: Windows | None
    batch_size: int
    lessons: Lessons | None = None

    @property
    def characters(self):
        """The number of characters that the targets of an epoch stand for."""
        targets = self.training.characters // self.training.shape[0] * self.batch_size
        return round(targets * self.split["train"] / len(self.ids))

    @classmethod
    def of(cls, text, plan, console, known=None, rows=None):
        """Make of a text all that a recipe asks for, with a bar on the console while that takes.

        Args:
            text: A `corpora.Text`.
            plan: The `Recipe`.
            console: As in `fit`.
            known: As of `vocabulary_of`.
            rows: Of the batch that this worker trains on, a slice; None for all.
        """
        vocabulary = vocabulary_of(text, plan, known)
        with progress("encoding the text", text.characters, console=console) as advance:
            parts = encode_parts(text, vocabulary, dataclasses.astuple(plan.split), progress=advance)
        train, validation, _ = parts.values()
        characters, most = plan.validation.characters, vocabulary.characters(validation)
        if characters is not None and characters > most:
            raise SettingsError(
                f"validation.characters: is {characters:,}, and the validation split has {most:,}; write that or "
                "fewer, or null for all"
            )
        is_part = characters not in (None, most)
        return cls(
            text,
            vocabulary,
            vocabulary.tally(text, parts.values()),
            train,
            {name: vocabulary.characters(each) for name, each in parts.items()},
            _training(train, plan, rows),
            evaluation_windows(validation) if plan.validates else None,
            evaluation_windows(beginning(validation, characters, vocabulary)) if is_part else None,
            plan.windows.batch_size,
        )

    def with_lessons(self, teacher, plan, console, rows=None):
        """Return the same with what a `Teacher` says of the training split; `plan`, `console` and `rows` as `of`."""
        with progress("asking the teacher", len(self.ids), console=console) as advance:
            lessons = teacher.teach(self.ids, self.vocabulary, progress=advance)
        return dataclasses.replace(self, training=_training(self.ids, plan, rows, lessons.table), lessons=lessons)


def _training(ids, plan, rows, taught=None):
    settings, seed = plan.windows, plan.compute.seed
    return training_windows(
        ids, settings.batch_size, settings.length, settings.random_offset, seed, rows=rows, taught=taught
    )
