"""What every cell and every sampler must satisfy, checked: for the test suites of those who write them."""

from keras_charrnn.testing.check import PROPERTIES, check_cell, examine
from keras_charrnn.testing.samplers import check_sampler
from keras_charrnn.testing.saving import round_trips
from keras_charrnn.testing.subject import Subject

__all__ = ["PROPERTIES", "Subject", "check_cell", "check_sampler", "examine", "round_trips"]
