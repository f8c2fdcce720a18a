"""Recurrent cells: the contracts, and the built-in cells, one a file, each registered by its import."""

from keras_charrnn.cells.base import GatedCell, RecurrentCell
from keras_charrnn.cells.gru import GRU
from keras_charrnn.cells.indrnn import IndRNN
from keras_charrnn.cells.layer_norm_lstm import LayerNormLSTM
from keras_charrnn.cells.linear import LinearCell
from keras_charrnn.cells.lstm import LSTM
from keras_charrnn.cells.mgu import MGU
from keras_charrnn.cells.min_gru import MinGRU
from keras_charrnn.cells.min_lstm import MinLSTM
from keras_charrnn.cells.mogrifier_lstm import MogrifierLSTM
from keras_charrnn.cells.multiplicative_lstm import MultiplicativeLSTM
from keras_charrnn.cells.peephole_lstm import PeepholeLSTM
from keras_charrnn.cells.recurrent_dropout import RecurrentDropout
from keras_charrnn.cells.rg_lru import RGLRU
from keras_charrnn.cells.rhn import RHN
from keras_charrnn.cells.rms_norm_lstm import RMSNormLSTM
from keras_charrnn.cells.simple_rnn import SimpleRNN
from keras_charrnn.cells.slstm import SLSTM
from keras_charrnn.cells.ugrnn import UGRNN
from keras_charrnn.cells.zoneout import Zoneout

__all__ = [
    "GRU",
    "LSTM",
    "MGU",
    "RGLRU",
    "RHN",
    "SLSTM",
    "UGRNN",
    "GatedCell",
    "IndRNN",
    "LayerNormLSTM",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "MogrifierLSTM",
    "MultiplicativeLSTM",
    "PeepholeLSTM",
    "RMSNormLSTM",
    "RecurrentCell",
    "RecurrentDropout",
    "SimpleRNN",
    "Zoneout",
]
