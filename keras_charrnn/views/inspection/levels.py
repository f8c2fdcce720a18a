"""From figures to a few shades of colour.

Shapes in letters: T characters.
"""

import numpy as np

from keras_charrnn.model.evaluation import bits

SURPRISE = 8  # the darkest shade; it stands for this many bits or more
ACTIVITY = 4  # the darkest shade of either sign


def surprise_levels(nats):
    """Return int (T,): the surprise in whole bits, from 0 to 8; 0 for the first character, which nothing predicts."""
    return np.clip(np.nan_to_num(bits(nats)), 0, SURPRISE).astype(int)


def activity_levels(activity):
    """Return int (T,) from -4 to 4: a unit's activity as a share of its largest in the text."""
    largest = np.abs(activity).max()
    return np.rint(activity / largest * ACTIVITY).astype(int) if largest else np.zeros(len(activity), int)
