"""What `fit`, `evaluate` and `predict` take as data, and how a step finds its parts in it. TensorFlow only.

Shapes in letters: N rows, B rows of a batch, T time, V symbols.
"""

import contextlib
import math

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.shapes import LENGTHS, ROWS, at_least
from keras_charrnn.text.windows import Windows

BATCH = 32  # B, where none is asked for: Keras's own
_IDS = "ids of characters, whole numbers (batch, time)"


def dataset_of(x, y=None, weights=None, *, symbols, batch_size=None, shuffle=False, few_shapes=False):
    """Return data as a `tf.data.Dataset` whose elements are of one shape (B, T).

    An element is `(inputs, targets)` or `(inputs, targets, weights)`. One of arrays has a fourth part: its rows are
    texts of their own, which begin with the initial states. What fills up the last one has the weight 0.

    Args:
        x: `Windows`, a data set, or the ids (N, T) of the inputs.
        y: With ids, those of the targets.
        weights: With ids, of the rows (N,) or the targets (N, T); None for 1.
        symbols: V.
        batch_size: B, of ids; None for 32, or N where there are fewer.
        shuffle: Whether the rows of ids come in another order each time.
        few_shapes: Whether ids of other numbers and lengths may be of the same shape (B, T).

    Raises:
        SettingsError: If it is none of these, or the parts do not go together.
    """
    if isinstance(x, Windows | tf.data.Dataset):
        if y is not None or weights is not None:
            raise SettingsError("y and sample_weight go with arrays; windows and data sets have theirs in each element")
        return x.dataset if isinstance(x, Windows) else _checked(x, symbols)
    x = ids_of(x, "x", symbols)
    if y is None:
        raise SettingsError("y is needed with x: for each id of x that of the character after it")
    y = ids_of(y, "y", symbols)
    if x.shape != y.shape:
        raise SettingsError(f"y must have the shape of x, {x.shape}: the character after each; it has {y.shape}")
    batches = _batches([x, y, _weights_of(weights, x.shape)], batch_size, shuffle, few_shapes)
    return batches.map(lambda *parts: (*parts, True))


def inputs_of(x, *, symbols, batch_size=None):
    """Return inputs alone, as `dataset_of` does with few shapes, and the shape (N, T) of ids; None of other data."""
    if isinstance(x, Windows):
        return x.dataset.map(lambda inputs, *_: inputs), None
    if isinstance(x, tf.data.Dataset):
        first = x.element_spec[0] if isinstance(x.element_spec, tuple) else x.element_spec
        if not _are_ids(first):
            raise SettingsError(f"an element of the data set must be, or begin with, {_IDS}; it is {x.element_spec}")
        return _watched(x, 1, symbols), None
    x = ids_of(x, "x", symbols)
    return _batches([x], batch_size, False, True), x.shape


def split_rows(x, y, weights, share):
    """Return the first rows of arrays, and the last, of which there is a share: two times (x, y, weights)."""
    if not hasattr(x, "__len__") or isinstance(x, Windows | tf.data.Dataset):
        raise SettingsError("validation_split goes with arrays; give validation_data with other data")
    end = math.floor(len(x) * (1 - share))
    if not 0 < end < len(x):
        raise SettingsError(f"validation_split must leave rows for both of {len(x)}; received {share}")
    parts = [(None, None) if each is None else (each[:end], each[end:]) for each in (x, y, weights)]
    return tuple(zip(*parts, strict=True))


def shape_of(data):
    """Return the shape (B, T) of the windows of a data set.

    Raises:
        SettingsError: If it is not fixed.
    """
    shape = data.element_spec[0].shape
    if shape.rank != 2 or None in tuple(shape):
        raise SettingsError(
            f"the windows must have a fixed shape (batch, time); these have {shape}. Make them with "
            "keras_charrnn.windows, or batch with drop_remainder=True"
        )
    return tuple(shape)


def unpack(data):
    """Return the parts of an element.

    These are inputs and targets (B, T), the probabilities (B, T, V) that stand beside the targets, or None, weights
    (B, T), or None, and whether the rows are independent.
    """
    inputs, targets, weights, independent = (*data, None, None)[:4]
    targets, taught = targets if isinstance(targets, tuple) else (targets, None)
    if weights is not None:
        weights = tf.cast(weights, tf.float32)
        weights = tf.broadcast_to(weights[:, None] if weights.shape.rank == 1 else weights, tf.shape(inputs))
    return inputs, targets, taught, weights, independent is not None


def ids_of(values, name, symbols):
    """Return ids (N, T) as an array of int32.

    Raises:
        SettingsError: If they are none.
    """
    try:
        ids = np.asarray(values)
    except ValueError:  # rows of several lengths
        ids = np.asarray(None)
    if ids.dtype.kind not in "iu" or ids.ndim != 2 or not ids.size:
        of = f" of {ids.dtype}, {ids.shape}" if ids.ndim else ""
        raise SettingsError(
            f"{name} must be ids of characters, whole numbers (rows, characters), all rows of one length; received "
            f"{type(values).__name__}{of}. model.vocabulary.encode makes ids of a text, keras_charrnn.windows cuts them"
        )
    if wrong := [each for each in (ids.min(), ids.max()) if not 0 <= each < symbols]:
        raise SettingsError(f"{name} has the id {wrong[0]}, and the model's {symbols} symbols those from 0 on")
    return ids.astype(np.int32)


def _weights_of(values, shape):
    weights = np.ones(shape, np.float32) if values is None else np.asarray(values)
    if weights.dtype.kind not in "iufb" or weights.shape not in (shape, shape[:1]) or not np.all(weights >= 0):
        raise SettingsError(
            f"sample_weight must be numbers of 0 or more, one for each row or each target, {shape[:1]} or {shape}; "
            f"received {type(values).__name__} of {weights.dtype}, {weights.shape}"
        )
    weights = weights.astype(np.float32)
    return np.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, shape)


def _batches(arrays, batch_size, shuffle, few_shapes):
    """Return a data set of B rows of each of some arrays (N, T); zeros fill up the last one, and T to one of few."""
    rows, length = arrays[0].shape
    if batch_size is not None and not (isinstance(batch_size, int | np.integer) and batch_size >= 1):
        raise SettingsError(f"batch_size must be a whole number of 1 or more; received {batch_size!r}")
    batch = min(batch_size or BATCH, at_least(rows, ROWS) if few_shapes else rows)
    wide = [(0, 0), (0, at_least(length, LENGTHS) - length if few_shapes else 0)]
    with tf.device("CPU"):
        arrays = [tf.constant(np.pad(each, wide)) for each in arrays]

    def read(places):
        absent = [[0, batch - tf.size(places)], [0, 0]]
        return tuple(
            tf.ensure_shape(tf.pad(tf.gather(each, places), absent), (batch, each.shape[1])) for each in arrays
        )

    places = tf.data.Dataset.range(rows)
    return (places.shuffle(rows) if shuffle else places).batch(batch).map(read)


def _checked(dataset, symbols):
    """Return a data set, unless its elements are none that a step can read."""
    spec = dataset.element_spec
    inputs, targets, *weights = spec if isinstance(spec, tuple) and 2 <= len(spec) <= 4 else (None, None)
    if not (_are_ids(inputs) and _are_ids(targets)):
        raise SettingsError(
            f"an element of the data set must be (inputs, targets), or (inputs, targets, weights), the first two {_IDS}"
            f"; it is {spec}"
        )
    if not inputs.shape.is_compatible_with(targets.shape):
        raise SettingsError(f"the targets must have the shape of the inputs, {inputs.shape}; they have {targets.shape}")
    for each in weights[:1]:
        if not any(each.shape.is_compatible_with(inputs.shape[:rank]) for rank in (1, 2)):
            raise SettingsError(
                f"the weights must have the shape of the inputs, {inputs.shape}; they have {each.shape}"
            )
    return _watched(dataset, 2, symbols)


def _watched(dataset, number, symbols):
    """Return a data set that fails, within `telling`, at an id of no symbol: such a target would have no loss at all.

    Args:
        number: Of the first parts of an element, which are ids.
    """

    @tf.autograph.experimental.do_not_convert  # as in `windows`
    def look(*parts):
        ids = [tf.cast(each, tf.int64) for each in parts[:number]]
        known = tf.reduce_all([tf.reduce_all((each >= 0) & (each < symbols)) for each in ids])
        with tf.control_dependencies([tf.debugging.Assert(known, [_outside(symbols)])]):
            return *(tf.cast(each, tf.int32) for each in ids), *parts[number:]

    return dataset.map(look)


@contextlib.contextmanager
def telling(symbols):
    """Raise a SettingsError where a data set of this module is read to an id that is none of the model's."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if _outside(symbols) not in str(error):
            raise
        raise SettingsError(_outside(symbols)) from error


def _outside(symbols):
    return f"an element of the data set has an id outside of those of the {symbols} symbols of the model, from 0 on"


def _are_ids(spec):
    return isinstance(spec, tf.TensorSpec) and spec.dtype.is_integer
