"""What a reader knows of each place in a text, and the units that know it too.

Shapes in letters: T characters, H units.
"""

import itertools

import numpy as np

from keras_charrnn.views.inspection.units import Unit


def inside_quotes(text):
    """Return 1 where a double quotation mark is open after the character, else 0; an empty line closes it."""
    inside, before, values = False, "", []
    for character in text:
        if character == '"':
            inside = not inside
        elif character in "“”" or (before == character == "\n"):
            inside = character == "“"
        values.append(inside)
        before = character
    return np.array(values, dtype=np.float64)


def position_in_line(text):
    """Return the number of characters since the last line end."""
    return np.array(
        list(itertools.accumulate(text, lambda position, each: 0 if each == "\n" else position + 1, initial=0))[1:],
        dtype=np.float64,
    )


def after_newline(text):
    """Return 1 at each line end, after which a line begins, else 0."""
    return np.array([character == "\n" for character in text], dtype=np.float64)


def letter_case(text):
    """Return 1 at a capital letter, 0 at a small one, NaN where there is neither."""
    return np.array([float(c.isupper()) if c.isupper() or c.islower() else np.nan for c in text])


# Each takes a text of T characters and returns float64 (T,), in which NaN stands for "does not apply".
PROPERTIES = {
    "inside quotes": inside_quotes,
    "position in the line": position_in_line,
    "after a newline": after_newline,
    "letter case": letter_case,
}


def find_units(trace, best=3):
    """Return the units whose activity follows a property of the text, by Pearson's correlation.

    With many units and a short text some correlation comes of chance: look at the text, and try another one.

    Args:
        trace: A `Trace`.
        best: How many units to return for each property.

    Returns:
        Mapping from names of properties to lists of (`Unit`, correlation), the strongest of either sign first; an empty
        list where the property is the same throughout the text.
    """
    found, ends = {}, np.cumsum([*map(len, trace.text)]) - 1  # a symbol may be of several characters
    for name, measure in PROPERTIES.items():
        values = measure("".join(trace.text))[ends]
        ranked = []
        for (layer, state), activities in trace.states.items():
            correlations = _correlations(values, activities)
            ranked += [(Unit(layer, state, number), float(each)) for number, each in enumerate(correlations)]
        ranked = [each for each in ranked if each[1]]
        found[name] = sorted(ranked, key=lambda each: -abs(each[1]))[:best]
    return found


def _correlations(values, activities):
    """Return the correlation of values (T,) with each column of activities (T, H), 0 where there is none."""
    applies = np.isfinite(values)
    values, activities = values[applies], activities[applies].astype(np.float64)
    if len(values) < 2:
        return np.zeros(activities.shape[1])
    values, activities = values - values.mean(), activities - activities.mean(0)
    scale = np.sqrt((values**2).sum() * (activities**2).sum(0))
    return np.divide(values @ activities, scale, out=np.zeros_like(scale), where=scale > 1e-12)
