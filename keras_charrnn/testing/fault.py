"""What is wrong with a cell, in words."""

import numpy as np


class Fault(Exception):
    """A property that a cell lacks.

    Args:
        expected: What holds for every cell.
        received: What came.
        cause: What is the likely reason.
    """

    def __init__(self, expected, received, cause):
        super().__init__(f"expected {expected}; received {received}; likely cause: {cause}")
        self.expected, self.received, self.cause = expected, received, cause


class Unchecked(Exception):
    """A property that could not be checked, or not as a whole; the message says why and what to do."""


def require_equal(received, wanted, expected, cause, tolerance=1e-5):
    """Raise a `Fault` where two lists of arrays differ by more than `tolerance`, relative to the largest entry.

    Args:
        received: List of arrays, and `wanted`, what they should be.
        expected: Their equality, in words.
        cause: As in `Fault`.
    """
    for index, (one, other) in enumerate(zip(received, wanted, strict=True)):
        one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
        what = "the outputs" if index == 0 else f"state {index - 1}"
        if one.shape != other.shape:
            raise Fault(expected, f"{what} in the shape {one.shape}, not {other.shape}", cause)
        if not (np.isfinite(one).all() and np.isfinite(other).all()):
            raise Fault(expected, f"NaN or infinity in {what}", cause)
        difference = np.abs(one - other)
        if difference.size and difference.max() > tolerance * max(1.0, np.abs(other).max()):
            place = tuple(int(i) for i in np.unravel_index(difference.argmax(), difference.shape))
            raise Fault(expected, f"a difference of {difference.max():.2g} in {what}, at {place}", cause)
