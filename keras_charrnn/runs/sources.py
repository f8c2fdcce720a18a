"""What can be evaluated: a run, a model, a file, or several of them that answer as one."""

import dataclasses
import functools
import os

from keras_charrnn.common.files import user_path
from keras_charrnn.errors import SettingsError
from keras_charrnn.model import CharRNN, Ensemble
from keras_charrnn.runs.members import members_of
from keras_charrnn.runs.run import Run, load


@dataclasses.dataclass(frozen=True)
class Members:
    """Several sources whose models answer as one.

    Attributes:
        names: Their paths.
        sources: Of each a `Run`, or the `CharRNN` of a file.
    """

    names: tuple
    sources: tuple

    @functools.cached_property
    def model(self):
        """Their `Ensemble`."""
        return Ensemble([each.model if isinstance(each, Run) else each for each in self.sources], self.names)

    @property
    def runs(self):
        """The runs; () where one of them is a model alone."""
        return self.sources if all(isinstance(each, Run) for each in self.sources) else ()


def open_source(path, plugins=()):
    """Return what `evaluate` takes: the `Run` of a folder, the `CharRNN` of a file, or the `Members` of an ensemble.

    Args:
        path: As `load` takes it.
        plugins: As in `load`.
    """
    if members := members_of(path):
        return Members(tuple(members), tuple(open_source(each, plugins) for each in members))
    return Run.open(path, plugins) if user_path(path).is_dir() else load(path, plugins)


def runs_and_model(source, plugins=()):
    """Return the runs of a source, a tuple that is empty where it has none, and its model."""
    if isinstance(source, str | os.PathLike | list | tuple):
        source = open_source(source, plugins)
    if isinstance(source, Run):
        return (source,), source.model
    if isinstance(source, Members):
        return source.runs, source.model
    if isinstance(source, CharRNN | Ensemble):
        return (), source
    raise SettingsError(f"run_or_model must be a Run, a CharRNN, an Ensemble or a path; received {source!r}")
