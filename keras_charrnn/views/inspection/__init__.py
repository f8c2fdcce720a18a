"""A look inside a model while it reads a text: surprise, guesses, activity of units, flow of the gradient."""

from keras_charrnn.views.inspection.causes import causes
from keras_charrnn.views.inspection.gradient_flow import gradient_flow
from keras_charrnn.views.inspection.html import to_html
from keras_charrnn.views.inspection.inspection import Inspection, inspect
from keras_charrnn.views.inspection.properties import PROPERTIES, find_units
from keras_charrnn.views.inspection.terminal import show
from keras_charrnn.views.inspection.trace import Trace, trace
from keras_charrnn.views.inspection.units import Unit

__all__ = [
    "PROPERTIES",
    "Inspection",
    "Trace",
    "Unit",
    "causes",
    "find_units",
    "gradient_flow",
    "inspect",
    "show",
    "to_html",
    "trace",
]
