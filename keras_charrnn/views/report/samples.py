"""The samples of a run, read back from its folder."""

import dataclasses
import re

from keras_charrnn.errors import RunError

# As `callbacks.Samples` writes it.
_TITLE = re.compile(r"^--- ((?:epoch|step) \d+), (temperature \S+|\d+ beams) ---\n", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class SampleSet:
    """The texts made at one time.

    Attributes:
        when: "epoch 3" or "step 500".
        texts: List of (how, text), both str.
    """

    when: str
    texts: list


def read_samples(folder):
    """Return the sets of samples in a folder, a list of `SampleSet`, those of steps first, each kind in order.

    Raises:
        RunError: If a file of them cannot be read.
    """
    sets = []
    for path in sorted(folder.glob("*.txt"), key=_place):
        try:
            _, *parts = _TITLE.split(path.read_bytes().decode("utf-8", "replace"))
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        pieces = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
        if pieces:
            texts = [(how, text.removesuffix("\n").removesuffix("\n")) for _, how, text in pieces]
            sets.append(SampleSet(pieces[0][0], texts))
    return sets


def _place(path):
    """Return what puts files of samples in order: those of steps first, by their numbers, of however many digits."""
    number = re.search(r"\d+$", path.stem)
    return path.name.startswith("epoch"), int(number[0]) if number else 0, path.name
