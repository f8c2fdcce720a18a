"""Where in a window the states return to the initial ones. TensorFlow only.

Shapes in letters: T time, B batch, H units.
"""

import tensorflow as tf


class Restarts:
    """The steps of a window before which a row's states become the initial ones again.

    Args:
        marks: bool (T, B).
        initial: List of the initial states, (B, H) each. No gradient flows into them.
    """

    def __init__(self, marks, initial):
        self.marks, self.initial = marks, initial

    def part(self, start, steps):
        """Return the marks (T, B, 1) of some steps, from the window's step `start` on; and the initial states."""
        marks = tf.slice(self.marks, (start, 0), (steps, -1))[..., None]
        return tf.ensure_shape(marks, (steps, self.marks.shape[1], 1)), tuple(self.initial)


def restart(mark, initial, states):
    """Return the states (B, H) before a step, the initial ones in the rows where `mark` (B, 1) is true."""
    return tuple(tf.where(mark, first, state) for first, state in zip(initial, states, strict=True))


def gradient(mark, gradients):
    """Return the gradients (B, H) of the states before `restart`: none in the marked rows."""
    return restart(mark, [tf.zeros((), each.dtype) for each in gradients], gradients)
