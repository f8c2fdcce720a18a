"""The errors that the package raises on purpose.

Each message says where the problem is, what was received, what is accepted and what to do next, so that the command
line can print it as it stands. Every class derives from `CharRNNError`; those that a Python caller may reasonably
expect as a built-in exception derive from that one too.
"""

import re


class CharRNNError(Exception):
    """Base of all errors of this package: a mistake in what was asked for, with advice in its message."""

    exit_status = 2  # of the program; 1 for those that are no mistake in what was asked for


def in_words(error):
    """Return an error as a row of a table gives it: the message of one of this package's, else its class too."""
    if isinstance(error, RecipeError):
        return "; ".join(error.problems)
    return str(error) if isinstance(error, CharRNNError) else f"{type(error).__name__}: {error}"


def describe(error):
    """Return a foreign error in words, without what Keras puts round a message: a frame, or whole configurations."""
    message = str(error).rpartition("Error encountered:\n\n")[2]
    framed = re.search(r"\x1b\[1m(.*)\x1b\[0m", message, re.DOTALL)
    message = framed[1] if framed else message.rpartition("Exception encountered: ")[2].partition(" Full object")[0]
    return f"{type(error).__name__}: {message}"


class RecipeError(CharRNNError, ValueError):
    """A recipe that cannot be used. `problems` lists every fault found, one message each."""

    def __init__(self, problems, source="recipe"):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.source = str(source)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{self.source}: {count}\n{lines}")


class RegistryError(CharRNNError, LookupError):
    """A name that is not registered, or is taken; or a plugin that cannot be imported."""


class PluginError(RegistryError):
    """A plugin that is there and cannot be imported; the message has its file and line."""


class CorpusError(CharRNNError, ValueError):
    """A text that cannot be found, read, verified or used."""


class VocabularyError(CharRNNError, ValueError):
    """Text with characters that a vocabulary lacks, or a vocabulary that is none."""


class WindowsError(CharRNNError, ValueError):
    """Too few characters for the batch size and window length."""


class SettingsError(CharRNNError, ValueError):
    """An argument out of its range: a temperature, a length, a size."""


class CellError(CharRNNError, TypeError):
    """A cell that breaks its contract."""


class EffectError(CellError):
    """A cell whose equations keep something besides its states, or draw noise that no seed gives."""


class SamplerError(CharRNNError, AssertionError):
    """A sampler that does not do what it states."""

    exit_status = 1


class CheckError(CharRNNError, AssertionError):
    """A cell that lacks properties every cell must have. `failures` lists them, one message each."""

    exit_status = 1

    def __init__(self, cell, failures):
        self.cell, self.failures = cell, list(failures)
        count = "1 property" if len(self.failures) == 1 else f"{len(self.failures)} properties"
        super().__init__("\n".join([f"{cell} lacks {count} of a cell", *(f"  - {each}" for each in self.failures)]))


class ComparisonError(CharRNNError):
    """A comparison some of whose runs failed; the others went on, and all is written."""

    exit_status = 1


class StudyError(CharRNNError):
    """A study one of whose processes is lost; what was done until then is written."""

    exit_status = 1


class SeedsError(CharRNNError):
    """Trainings from several seeds, some of which failed; the others went on to their end."""

    exit_status = 1


class WorkerError(CharRNNError, ConnectionError):
    """A training by several processes one of which is lost, or has not come; the others have ended too."""

    exit_status = 75  # a temporary failure, after which to begin again from the newest checkpoint


class SearchError(CharRNNError):
    """A search none of whose trials came to a loss; all is written."""

    exit_status = 1


class RunError(CharRNNError, OSError):
    """A run folder or model file that does not exist, is none, or is damaged."""


class WriteError(CharRNNError, OSError):
    """A file that cannot be written, for want of space or of leave: a failure of the run, not a mistake in it."""

    exit_status = 1


class DivergenceError(CharRNNError, ArithmeticError):
    """A training whose loss left every bound: a failure of the run."""

    exit_status = 1


class ExtraError(CharRNNError, ImportError):
    """A package that only an extra of this one brings is needed and not installed; the message names the extra."""
