"""Training: from a recipe, or from where a run stopped, to a run folder, by way of Keras's own `fit`."""

from keras_charrnn.training.start import fit, resume

__all__ = ["fit", "resume"]
