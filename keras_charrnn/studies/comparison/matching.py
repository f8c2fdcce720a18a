"""Units at which models of different cells have about the same number of parameters."""

import bisect
import dataclasses
import functools

from keras_charrnn.training import model_of


def count_parameters(settings, vocabulary):
    """Return the `parameters` of the model that the section `model` of a recipe describes."""
    return model_of(settings, vocabulary).parameters


def match_units(settings, vocabulary, parameters):
    """Return the units at which a model is nearest to a number of parameters, by building models.

    Args:
        settings: The section `model` of a recipe; its units are where the search begins.
        vocabulary: A `Vocabulary`.
        parameters: Of the whole model, with embedding and head, as `count_parameters` counts.

    Raises:
        SettingsError: If the cell refuses its arguments.
    """

    @functools.cache
    def count(units):
        return count_parameters(dataclasses.replace(settings, units=units), vocabulary)

    low, high = 1, settings.units
    while count(high) < parameters:  # it ends, for the head alone has more parameters than units
        low, high = high, 2 * high
    above = bisect.bisect_left(range(high + 1), parameters, lo=low, hi=high, key=count)
    return min(max(1, above - 1), above, key=lambda units: abs(count(units) - parameters))
