"""Samplers: rules by which the next symbol is drawn, each registered by its import, and what goes with them."""

from keras_charrnn.model.sampling.base import Sampler, forbid, register_sampler
from keras_charrnn.model.sampling.beams import search
from keras_charrnn.model.sampling.constraint import Constraint
from keras_charrnn.model.sampling.min_p import MinP
from keras_charrnn.model.sampling.no_repeat import NoRepeat
from keras_charrnn.model.sampling.sample import Growing, Sample
from keras_charrnn.model.sampling.settings import Sampling
from keras_charrnn.model.sampling.stops import Stops
from keras_charrnn.model.sampling.temperature import Temperature
from keras_charrnn.model.sampling.top_k import TopK
from keras_charrnn.model.sampling.top_p import TopP

__all__ = [
    "Constraint",
    "Growing",
    "MinP",
    "NoRepeat",
    "Sample",
    "Sampler",
    "Sampling",
    "Stops",
    "Temperature",
    "TopK",
    "TopP",
    "forbid",
    "register_sampler",
    "search",
]
