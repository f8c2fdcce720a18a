"""What stands around one recurrent layer of a `CharRNN`: normalisation, dropout, residual, feed-forward.

Shapes in letters: T time, B batch, D width of the input, H units, V symbols.
"""

import keras
from keras import ops

from keras_charrnn.cells import RecurrentDropout, Zoneout
from keras_charrnn.engine import noise
from keras_charrnn.layers.feed_forward import FeedForward
from keras_charrnn.layers.normalization import Normalization
from keras_charrnn.layers.symbols import Symbols


def make_normalization(kind, name):
    """Return a `Normalization` of that kind; None for "none"."""
    return None if kind == "none" else Normalization(kind, name=name, autocast=False)


def wrap_cell(cell, zoneout, recurrent_dropout):
    """Return a cell in its wrappers of these rates; 0 for none."""
    if zoneout:
        cell = Zoneout(cell, zoneout)
    return RecurrentDropout(cell, recurrent_dropout) if recurrent_dropout else cell


class Block(keras.layers.Layer):
    """A recurrent layer with what stands around it; with none of it, the recurrent layer alone.

        y  = dropout(recurrent(normalise(x)))
        x  = x + y with a residual, else y
        x  = x + dropout(feed_forward(normalise(x))) with a feed-forward block

    Args:
        recurrent: A `Recurrent`.
        normalization: "none", "layer" or "rms": before each of the two.
        residual: Whether the recurrent layer's input is added to its output, where it is H wide.
        feed_forward: Width of the middle of the feed-forward block; 0 for none.
        dropout: Share of the activations dropped after the recurrent layer and after the feed-forward block.
        last_dropout: In place of `dropout` after the last of the two.
        variational: Whether a row has one mask for all steps of a window.
    """

    def __init__(
        self,
        recurrent,
        normalization="none",
        residual=False,
        feed_forward=0,
        dropout=0.0,
        last_dropout=None,
        variational=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.recurrent, self.residual, self.variational = recurrent, residual, variational
        self.dropout, self.last_dropout = dropout, last_dropout
        self.norm = make_normalization(normalization, "norm")
        self.feed_forward, self.feed_forward_norm = None, None
        if feed_forward:
            self.feed_forward = FeedForward(feed_forward, name="feed_forward")
            self.feed_forward_norm = make_normalization(normalization, "feed_forward_norm")

    def build(self, input_shape):
        self.recurrent.build((1, *input_shape[1:]))  # with states of one row, until `fit` knows of how many
        outputs = self.compute_output_shape(input_shape)
        if self.norm is not None:
            self.norm.build(input_shape)
        if self.feed_forward is not None:
            self.feed_forward.build(outputs)
        if self.feed_forward_norm is not None:
            self.feed_forward_norm.build(outputs)
        self.residual = self.residual and input_shape[-1] == self.recurrent.width
        self.built = True

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.recurrent.width)

    def run(self, x, states, training=False, seed=None, precision="float32", **how):
        """Run over time-major inputs (T, B, D) or `Symbols` with explicit states, as `Recurrent.run` does."""
        inputs = self._normalize(self.norm, x)
        y, states = self.recurrent.run(inputs, states, training, _part(seed, 0), precision, **how)
        if self.residual and isinstance(x, Symbols):
            x = x.rows(x.embedding.shape[0])
        return self._finish(x, y, training, seed, precision), states

    def table(self, embedding):
        """Return the input products of all symbols, as `Recurrent.table` does: V rows are normalised."""
        return self.recurrent.table(None if embedding is None else self._normalize(self.norm, embedding))

    def _finish(self, x, y, training, seed, precision):
        """Return what comes after the recurrent layer, whose input was x and whose output is y."""
        last = self.dropout if self.last_dropout is None else self.last_dropout
        rates = (self.dropout, last) if self.feed_forward is not None else (last, 0.0)
        if not training or seed is None:
            rates = (0.0, 0.0)
        y = self._drop(y, rates[0], seed, 1)
        x = ops.cast(x, y.dtype) + y if self.residual else y
        if self.feed_forward is None:
            return x
        y = self.feed_forward.run(self._normalize(self.feed_forward_norm, x), precision)
        return x + self._drop(y, rates[1], seed, 2)

    def _drop(self, y, rate, seed, number):
        return noise.dropout(y, rate, noise.fold_in(seed, number), self.variational) if rate else y

    def _normalize(self, layer, x):
        if layer is None:
            return x
        return x.map(layer) if isinstance(x, Symbols) else layer(x)


def _part(seed, number):
    return None if seed is None else noise.fold_in(seed, number)
