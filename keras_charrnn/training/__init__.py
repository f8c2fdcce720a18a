"""Training: from a recipe, or from where a run stopped, to a run folder, by way of Keras's own `fit`."""

from keras_charrnn.training.data import read_recipe
from keras_charrnn.training.parts import model_of
from keras_charrnn.training.start import begin, fit, resume
from keras_charrnn.training.telling import versions

__all__ = ["begin", "fit", "model_of", "read_recipe", "resume", "versions"]
