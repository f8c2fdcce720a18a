"""One training by several processes, on one machine or many: each has the whole model and its rows of the batch."""

from keras_charrnn.training.workers.group import Group
from keras_charrnn.training.workers.team import Team, awaited, meet

__all__ = ["Group", "Team", "awaited", "meet"]
