"""The models that teach a training, and what they say of its text.

Shapes in letters: N symbols of the training split, B rows, T symbols of a window, V symbols.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from keras_charrnn.engine.as_traced import as_traced
from keras_charrnn.errors import CharRNNError, RunError, SettingsError
from keras_charrnn.runs import load
from keras_charrnn.text.vocabularies.base import shown
from keras_charrnn.text.windows import EvaluationRows
from keras_charrnn.training.starting import identity

ROWS, LENGTH = 64, 128  # B and T in which they read
STORED = np.float16  # to a thousandth of each probability, which is less than models differ by


@contextlib.contextmanager
def _naming_the_key():
    """Have errors within `with` begin with the key that they are of."""
    try:
        yield
    except CharRNNError as error:
        raise type(error)(f"teacher.from: {error}") from error


def identities(plan):
    """Return the checksum and the text of each model of `teacher.from`, a list of pairs, as `starting.identity` does.

    Raises:
        CharRNNError: If one cannot be read.
    """
    with _naming_the_key():
        return [identity(pathlib.Path(each)) for each in plan.teacher.source or ()]


@dataclasses.dataclass(frozen=True)
class Teacher:
    """The models of `teacher.from`.

    Attributes:
        model: A `CharRNN`, or the `Ensemble` of several.
        paths: Of their runs or files.
        sha256: Checksums of their files, a list.
        corpora: The text of each, its name and its checksum; None for that of a file.
    """

    model: object
    paths: tuple
    sha256: list
    corpora: list

    @classmethod
    def of(cls, plan, before=None):
        """Return the teacher of a recipe; None for none.

        Args:
            plan: The `Recipe`.
            before: Checksums of the models that taught a run so far, a list; None for one that begins.

        Raises:
            CharRNNError: If a model cannot be read, or they are others than so far.
        """
        paths, known = plan.teacher.source or (), identities(plan)
        sha256, corpora = [each for each, _ in known], [each for _, each in known]
        with _naming_the_key():
            if before is not None and before != sha256:
                raise RunError(
                    f"{' + '.join(paths) or 'null'} is not what taught the run so far: its checksum is another; name "
                    "the models as they were, wherever they are now"
                )
            if not paths:
                return None
            model = load(paths[0] if len(paths) == 1 else list(paths), plan.plugins)
        kept = [each and {name: each[name] for name in ("name", "sha256")} for each in corpora]
        return cls(model, paths, sha256, kept)

    def teach(self, ids, vocabulary, progress=None):
        """Return the `Lessons` in a text.

        Args:
            ids: The text (N,), an array of integers.
            vocabulary: Of the training, whose symbols they all know; in any order.
            progress: Called with the symbols that have been read since the last call; None for nobody.

        Raises:
            SettingsError: If they do not know a symbol, or there is no room for what they say.
        """
        columns = self._columns(vocabulary)
        rows = EvaluationRows(ids, ROWS, LENGTH, "train")

        @tf.function(autograph=False)
        def run(inputs, targets, states):
            logits, states = self.model.run(inputs, states)
            logits = tf.gather(logits, columns, axis=-1)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            return tf.cast(tf.nn.softmax(logits), STORED), nats, states

        table, total, states = room(len(ids), len(vocabulary)), 0.0, self.model.initial_states(rows.count)
        table[0] = 1 / len(vocabulary)  # which is no target
        for place in range(0, rows.steps * LENGTH, LENGTH):
            text, counted = rows.text(place).astype(np.int32), rows.counted(place)
            with as_traced():
                found, nats, states = run(columns[text[:, :-1]], text[:, 1:], states)
            table[rows.targets(place)[counted]] = found.numpy()[counted]
            total += float(np.sum(nats.numpy(), where=counted, dtype=np.float64))
            if progress is not None:
                progress(int(np.count_nonzero(counted)))
        return Lessons(self, table, total / max(vocabulary.characters(ids[1:]), 1))

    def _columns(self, vocabulary):
        """Return the id that each symbol has in the models: int (V,)."""
        known = self.model.vocabulary
        if known.unit != vocabulary.unit:
            raise SettingsError(
                f"teacher.from: the models have the unit {known.unit}, and the text the unit {vocabulary.unit}; write "
                f"vocabulary.unit: {known.unit}"
            )
        ids = {symbol: place for place, symbol in enumerate(known.symbols)}
        if unknown := [symbol for symbol in vocabulary.symbols if symbol not in ids]:
            raise SettingsError(
                f"teacher.from: the models do not know {shown(unknown)}; take some that were trained on a text with "
                "all symbols of this one, or leave these out of it"
            )
        return np.array([ids[symbol] for symbol in vocabulary.symbols], np.int32)


@dataclasses.dataclass(frozen=True)
class Lessons:
    """What a teacher says of a text.

    Attributes:
        teacher: The `Teacher`.
        table: Probabilities (N, V) of every symbol at each place, after all that stands before it; in a file that is
            gone when nobody uses it any more.
        nats: Its loss on the text, per character.
    """

    teacher: Teacher
    table: np.ndarray
    nats: float

    def describe(self):
        """Return what to keep of it in a run's folder, a mapping of plain values."""
        teacher = self.teacher
        return {
            "from": list(teacher.paths),
            "sha256": teacher.sha256,
            "corpora": teacher.corpora,
            "train_loss": self.nats,
        }


def room(places, symbols):
    """Return an array (N, V) in a temporary file without a name.

    Raises:
        SettingsError: If the disk has not so much room.
    """
    size = places * symbols * np.dtype(STORED).itemsize
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    why = f"{free / 1e6:,.1f} MB are free"
    try:
        with tempfile.TemporaryFile() as file:
            if size <= free:
                # Where a disk is full, to write into a file with holes ends the process.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, STORED, "w+", shape=(places, symbols))
    except OSError as error:  # such as a quota, or a limit of the shell's
        why += f", but: {error.strerror}"
    raise SettingsError(
        f"teacher.from: {places:,} places of {symbols:,} symbols take {size / 1e6:,.1f} MB in {folder}, and {why}; set "
        "TMPDIR to a folder with more room, or take a shorter text"
    )
