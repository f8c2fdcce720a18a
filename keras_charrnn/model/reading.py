"""Prefixes into states: what a model reads before it writes.

Shapes in letters: T time, B prefixes side by side.
"""

import numpy as np
import tensorflow as tf

WINDOW = 256  # symbols of a prefix that are read at once


def read_prefixes(model, run, rows):
    """Return the states after some prefixes, B rows.

    Args:
        model: Has `initial_states`.
        run: Function (kind, *arguments) that runs "read" or "consume", compiled.
        rows: int arrays of ids, of any lengths, one for each prefix.
    """
    states, batch = model.initial_states(len(rows)), len(rows)
    whole = min(map(len, rows)) // WINDOW
    for number in range(whole):
        window = np.stack([row[number * WINDOW : (number + 1) * WINDOW] for row in rows], 1)
        states = run("read", tf.constant(window.astype(np.int32)), states)
    rest = [row[whole * WINDOW :] for row in rows]
    for begin in range(0, max(map(len, rest)), WINDOW):
        ids, counts = np.zeros((WINDOW, batch), np.int32), np.zeros(batch, np.int32)
        for place, row in enumerate(rest):
            piece = row[begin : begin + WINDOW]
            ids[: len(piece), place], counts[place] = piece, len(piece)
        states = run("consume", tf.constant(ids), tf.constant(counts), states)
    return states


def consume(model, ids, counts, states):
    """Return the states after the first of some ids, of each row as many as are counted.

    Args:
        model: Has `step` and `table`.
        ids: int32 (T, B).
        counts: int32 (B,).
        states: Lists of tensors of B rows.
    """
    table, most = model.table(ids.shape[0] * ids.shape[1]), tf.reduce_max(counts)

    def body(t, states):
        _, after = model.step(ids[t], states, table)
        if ids.shape[1] == 1:  # whose last step is that of the loop
            return t + 1, after
        goes_on = t < counts

        def choose(new, old):
            return tf.where(tf.reshape(goes_on, (-1,) + (1,) * (len(new.shape) - 1)), new, old)

        return t + 1, tf.nest.map_structure(choose, after, states)

    return tf.while_loop(lambda t, _: t < most, body, (0, states))[1]
