"""What every cell must satisfy, checked: for the test suites of those who write cells."""

from keras_charrnn.testing.check import PROPERTIES, check_cell, examine
from keras_charrnn.testing.saving import round_trips
from keras_charrnn.testing.subject import Subject

__all__ = ["PROPERTIES", "Subject", "check_cell", "examine", "round_trips"]
