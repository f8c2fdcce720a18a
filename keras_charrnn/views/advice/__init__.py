"""What the curves of a run show, and which key of its recipe to change, to what."""

from keras_charrnn.views.advice.facts import Advice
from keras_charrnn.views.advice.rules import MANY_SYMBOLS, MORE_RARELY, advise, judge

__all__ = ["MANY_SYMBOLS", "MORE_RARELY", "Advice", "advise", "judge"]
