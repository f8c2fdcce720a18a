"""Recurrent cells: the two contracts, and the built-in cells, one a file, each registered by its import."""

from keras_charrnn.cells.base import GatedCell, RecurrentCell
from keras_charrnn.cells.gru import GRU
from keras_charrnn.cells.lstm import LSTM
from keras_charrnn.cells.simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "GatedCell", "RecurrentCell", "SimpleRNN"]
