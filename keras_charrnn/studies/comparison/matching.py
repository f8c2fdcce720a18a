"""Units at which models of different cells have about the same number of parameters."""

import bisect
import dataclasses
import functools

from keras_charrnn.training import model_of


def units_of(units, settings):
    """Return what is laid over a recipe for other units: of its section `model`, whose embedding may be as wide."""
    return {"model.units": units, **({"model.embedding": units} if settings.tie_embedding else {})}


def with_units(settings, units):
    """Return the section `model` of a recipe with other units."""
    return dataclasses.replace(settings, **{k.removeprefix("model."): v for k, v in units_of(units, settings).items()})


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
        return count_parameters(with_units(settings, units), vocabulary)

    low, high = 1, settings.units
    while count(high) < parameters:  # it ends, for the head alone has more parameters than units
        low, high = high, 2 * high
    above = bisect.bisect_left(range(high + 1), parameters, lo=low, hi=high, key=count)
    return min(max(1, above - 1), above, key=lambda units: abs(count(units) - parameters))
