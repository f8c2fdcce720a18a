"""Callbacks for Keras's `fit`: states, gradients, average, time, looks, samples, metrics, checkpoints, mishaps."""

from keras_charrnn.training.callbacks.average_weights import AverageWeights
from keras_charrnn.training.callbacks.checkpointing import Checkpointing
from keras_charrnn.training.callbacks.divergence import Divergence
from keras_charrnn.training.callbacks.freezing import Freezing
from keras_charrnn.training.callbacks.gradient_clipping import GradientClipping
from keras_charrnn.training.callbacks.interruption import Interruption
from keras_charrnn.training.callbacks.looks import Looks
from keras_charrnn.training.callbacks.metrics_log import MetricsLog
from keras_charrnn.training.callbacks.progress import Progress
from keras_charrnn.training.callbacks.samples import Samples
from keras_charrnn.training.callbacks.state_reset import StateReset
from keras_charrnn.training.callbacks.time_budget import TimeBudget

__all__ = [
    "AverageWeights",
    "Checkpointing",
    "Divergence",
    "Freezing",
    "GradientClipping",
    "Interruption",
    "Looks",
    "MetricsLog",
    "Progress",
    "Samples",
    "StateReset",
    "TimeBudget",
]
