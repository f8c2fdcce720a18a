"""Ids into batch-major `tf.data` windows whose rows continue from window to window.

Shapes in letters: B rows of a batch, T characters of a window, n windows of an epoch.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import WindowsError

WARM_UP = 256  # characters after which a recurrent state has forgotten that it started from nothing
AT_ONCE = 2**16  # characters that are read together: a call of Python for each window would take from training
NUMBERS_AT_ONCE = 2**22  # where there are many for each of them


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows of a text, and what there is to know of them.

    Attributes:
        dataset: Finite `tf.data.Dataset` of one epoch.
        steps: n, the number of its elements.
        shape: (B, T) of an element.
        left_over: Characters of the text that no window of an epoch has as a target.
        epoch: `tf.Variable` of the epoch's number from 0, which decides the random offset; None where there is none.
    """

    dataset: tf.data.Dataset
    steps: int
    shape: tuple
    left_over: int
    epoch: tf.Variable | None = None

    @property
    def characters(self):
        """The number of targets in an epoch."""
        return self.steps * self.shape[0] * self.shape[1]


def split(ids, shares):
    """Cut a text into contiguous parts.

    Args:
        ids: The text, an array.
        shares: Of each part, in order; what is left at the end belongs to none.

    Returns:
        A list of arrays, some of which may be empty.
    """
    # Rounded, so that 0.9 of 1,115,394 characters are the customary 1,003,854; the last share ends at the end.
    ends = [round(len(ids) * sum(shares[: i + 1])) if i else int(len(ids) * shares[0]) for i in range(len(shares))]
    return [ids[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def training_windows(ids, batch_size, length, random_offset=False, seed=0, split="train", rows=None, taught=None):
    """Cut a text into B rows, and these into windows of T characters.

    An element is `(inputs, targets)`, both int32 (B, T), targets one character ahead. Row b of window k+1 continues row
    b of window k. With a random offset each epoch begins at one of the first T characters of the text, drawn from the
    seed and the variable `epoch`.

    Args:
        ids: The text, an array of integers.
        batch_size: B.
        length: T.
        random_offset: Whether each epoch has an offset of its own.
        seed: Of the offsets.
        split: What part of the corpus this is, for messages.
        rows: A slice of the B rows, of which the elements are made; None for all.
        taught: Probabilities (N, V) of every symbol at each of the text's N places, an array. An element then is
            `(inputs, (targets, taught))`, the last of these (B, T, V). None for none.

    Returns:
        `Windows`.

    Raises:
        WindowsError: If the text is too short for one window in each row.
    """
    offsets = length if random_offset else 1
    # The last offset leaves len(ids) - (offsets - 1) characters, of which the first is no target.
    steps = (len(ids) - offsets) // (batch_size * length)
    if steps < 1:
        needed = batch_size * length + offsets
        raise WindowsError(_too_small(len(ids), needed, batch_size, length, split))
    starts = np.arange(batch_size)[:, None] * (steps * length) + np.arange(length + 1)
    starts = starts if rows is None else starts[rows]
    epoch = tf.Variable(0, dtype=tf.int32, trainable=False, name="epoch")

    def read(places):
        offset = tf.constant(0, tf.int64)
        if random_offset:
            offset = tf.cast(tf.random.stateless_uniform((), (seed % 2**31, epoch), 0, offsets, tf.int32), tf.int64)
        text = _read(lambda places: ids[starts + places], offset + places, starts.shape)
        inputs, targets = text[..., :-1], text[..., 1:]
        if taught is None:
            return inputs, targets
        shape, dtype = (*targets.shape[1:], taught.shape[1]), taught.dtype
        return inputs, (targets, _read(lambda places: taught[starts[:, 1:] + places], offset + places, shape, dtype))

    wide = 1 if taught is None else taught.shape[1]
    dataset, left_over = _dataset(read, steps, starts.shape, wide), len(ids) - 1 - steps * batch_size * length
    return Windows(dataset, steps, (len(starts), length), left_over, epoch if random_offset else None)


def evaluation_windows(ids, batch_size=64, length=128, split="validation"):
    """Cut a text so that each of its characters but the first is a target once, after all that stands before it.

    An element is `(inputs, targets, weights)`, all (B, T); the weight is 1 for a target that counts and 0 otherwise.
    For speed the text is cut into rows that are read side by side. A row begins 256 characters (`WARM_UP`) before the
    first that it counts, which brings its state to where one pass over the whole text would have it. A text too short
    for that is one row.

    Args:
        ids: The text, an array of integers.
        batch_size: Most rows.
        length: T.
        split: What part of the corpus this is, for messages.

    Returns:
        `Windows`, with nothing left over.

    Raises:
        WindowsError: If the text has fewer than two characters.
    """
    rows = EvaluationRows(ids, batch_size, length, split)
    shape = rows.count, length + 1

    def read(places):
        text = _read(rows.text, places, shape)
        return text[..., :-1], text[..., 1:], tf.cast(rows.counted(places), tf.float32)

    return Windows(_dataset(read, rows.steps, shape), rows.steps, (rows.count, length), 0)


class EvaluationRows:
    """The rows of `evaluation_windows`, which takes the same arguments, for whoever reads them without `tf.data`.

    Attributes:
        count: B.
        steps: n.
    """

    def __init__(self, ids, batch_size=64, length=128, split="validation"):
        targets = len(ids) - 1
        if targets < 1:
            raise WindowsError(f"{split}: an evaluation needs at least 2 characters; there are {len(ids)}")
        self._ids, self._targets = ids, targets
        self.count = max(1, min(batch_size, targets // (4 * WARM_UP)))  # at most a quarter of the work is warming up
        self._warm_up = WARM_UP if self.count > 1 else 0
        self._stride = -(-(targets - self._warm_up) // self.count)
        # Row r has the targets r * stride + 1, ..., r * stride + stride + warm_up; all rows but the first count from
        # the warm_up-th on, so that the rows together count each target once.
        self.steps = -(-(self._stride + self._warm_up) // length)
        self._starts, self._columns = np.arange(self.count)[:, None] * self._stride, np.arange(length + 1)

    def text(self, places):
        """Return the ids (..., B, T + 1) of windows at places (..., 1, 1) in the rows.

        Beyond the end stands the last character, which does not count there.
        """
        return self._ids[np.minimum(self._starts + self._columns + places, self._targets)]

    def targets(self, places):
        """Return where in the text the targets (..., B, T) of such windows stand; beyond the end, its end."""
        return np.minimum(self._starts + self._columns[1:] + places, self._targets)

    def counted(self, places):
        """Return which targets (..., B, T) of windows at places in the rows count: of arrays or of tensors."""
        inside = places + self._columns[:-1]
        counted = (self._starts + inside < self._targets) & (inside < self._stride + self._warm_up)
        return counted & ((inside >= self._warm_up) | (np.arange(self.count)[:, None] == 0))


def _read(read, places, shape, dtype=np.int32):
    """Return what `read(places)` gives for places in the graph, (windows, *shape).

    NumPy reads, so that the text may be longer than the memory, and is no part of the graph.
    """
    found = tf.numpy_function(lambda places: read(places).astype(dtype), [places], dtype, stateful=False)
    return tf.ensure_shape(found, (None, *shape))


def _dataset(read, steps, shape, wide=1):
    """Return a dataset of n windows, of which `read` makes some from their places (windows, 1, 1) in the rows.

    Args:
        read: A function of tensors.
        steps: n.
        shape: (B, T + 1), of what a window takes of the text.
        wide: Numbers that are read for each of its characters.
    """
    rows, characters = shape
    at_once = AT_ONCE if wide == 1 else NUMBERS_AT_ONCE // wide
    dataset = tf.data.Dataset.range(steps).batch(max(1, at_once // (rows * characters)))

    @tf.autograph.experimental.do_not_convert  # there is nothing to convert, and looking for it takes a while
    def take(ks):
        return read(ks[:, None, None] * (characters - 1))

    dataset = dataset.map(take).unbatch()
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread can delay the end of `fit` by many seconds
    options.threading.private_threadpool_size = 1
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2).with_options(options)


def _too_small(characters, needed, batch_size, length, split):
    rows = (characters - 1) // (2 * length)  # two windows in each row, or an offset
    if rows >= 1:
        fits = f"windows.batch_size {min(rows, batch_size)} with windows.length {length}"
    else:
        fits = f"windows.batch_size 1 with windows.length {(characters - 1) // 2}"
    advice = f"{fits} would fit" if characters > 2 else "no setting fits so short a text"
    return (
        f"{split}: {characters:,} characters are too few for windows.batch_size {batch_size} and windows.length "
        f"{length}, which need {needed:,}; {advice}, or take a longer text or a larger split.{split}"
    )
