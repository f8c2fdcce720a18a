"""The model: ids to logits with explicit states, its training step, and its file; and several that answer as one."""

from keras_charrnn.model.char_rnn import CharRNN
from keras_charrnn.model.ensemble import Ensemble
from keras_charrnn.model.saving import load_model

__all__ = ["CharRNN", "Ensemble", "load_model"]
