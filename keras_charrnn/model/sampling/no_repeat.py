"""Draws nothing that would repeat a piece of the text."""

import numpy as np
import tensorflow as tf

from keras_charrnn.model.sampling.base import Sampler, forbid, is_whole, register_sampler, require

CONTEXT = 4096  # symbols at the end of a prefix that are not to be repeated


@register_sampler("no_repeat")
class NoRepeat(Sampler):
    """Lets no piece of n symbols come twice, in the new text and the end of the prefix together.

    Where every symbol would repeat one, any may be drawn. What it keeps is the text, and how many symbols before each
    place of it are those at its end, so that a step costs the same for every n.
    """

    def __init__(self, value):
        require("no_repeat", "a whole number from 1 to 1000", value, is_whole(value, 1, 1001))
        self._size = int(value)

    key = property(lambda self: (type(self), self._size))

    def start(self, ids, batch, length, vocabulary):
        ids = [each[-CONTEXT:] for each in ids]
        room = 1 << (max(map(len, ids)) + length).bit_length()  # few sizes, each of which is compiled
        text, common = np.full((batch, room), -1, np.int32), np.zeros((batch, room), np.int32)
        for row, lengths, each in zip(text, common, ids, strict=True):
            row[: len(each)] = each
            for symbol in each:
                lengths[:] = np.where(row == symbol, np.append(0, lengths[:-1]) + 1, 0)
        return [tf.constant(text), tf.constant(common), tf.constant([len(each) for each in ids], tf.int32)]

    def apply(self, logits, numbers, state):
        text, common, counts = state
        begun = _before(common) >= self._size - 1  # whether a place would end a repetition of what the text ends with
        begun &= tf.range(text.shape[1])[None] < counts[:, None]
        symbols, rows = logits.shape[-1], tf.shape(logits)[0]
        # What has followed goes where it is forbidden, all else to a place beyond the symbols.
        ids = tf.where(begun, text, symbols)
        places = tf.stack([tf.broadcast_to(tf.range(rows)[:, None], tf.shape(ids)), ids], -1)
        counted = tf.scatter_nd(places, tf.ones_like(ids), (rows, symbols + 1))
        return forbid(logits, counted[:, :-1] > 0)

    def update(self, ids, numbers, state):
        text, common, counts = state
        places = tf.range(text.shape[1])[None]
        text = tf.where(places == counts[:, None], ids[:, None], text)
        return [text, tf.where(text == ids[:, None], _before(common) + 1, 0), counts + 1]


def _before(common):
    """Return at each place what the array (B, T) has at the one before, 0 at the first."""
    return tf.pad(common[:, :-1], [[0, 0], [1, 0]])
