"""Few shapes for texts of any number and length: each that is new to a compiled function is compiled and kept.

What is added up to the next of them counts for nothing.
"""

ROWS = (1, 2, 4, 8, 16, 32, 64)  # of a batch; beyond, multiples of the last
LENGTHS = (2, 8, 32, 128)  # characters of a window; beyond, multiples of the last


def at_least(number, sizes):
    """Return the least of some sizes, or multiple of the last, that is not below a number."""
    return next((size for size in sizes if size >= number), -(-number // sizes[-1]) * sizes[-1])
