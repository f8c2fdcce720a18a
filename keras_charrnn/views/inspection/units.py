"""One number of a model's states, by a name that a user can type."""

import dataclasses
import re

from keras_charrnn.errors import SettingsError

_NAME = re.compile(r"(?:(?:(?P<layer>\d{1,9})\.)?(?P<state>[^\W\d]\w*)\.)?(?P<number>\d{1,9})")


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit of a recurrent layer's state.

    Attributes:
        layer: From 1.
        state: Name of the state: "h", "c".
        number: From 0.
    """

    layer: int
    state: str
    number: int

    def __str__(self):
        return f"{self.layer}.{self.state}.{self.number}"


def parse_unit(name, widths):
    """Return the `Unit` of a name: 17, c.17 or 1.c.17.

    Without a layer it is of the last one, without a state of that layer's last: the memory, where a cell has one.

    Args:
        name: A str, or the number alone as an int.
        widths: Mapping from (layer, state) to the number of its units, in order.

    Raises:
        SettingsError: If there is no such unit.
    """
    match = _NAME.fullmatch(str(name).strip())
    unit = None
    if match:
        layer = int(match["layer"] or list(widths)[-1][0])
        state = match["state"] or next((state for each, state in reversed(widths) if each == layer), None)
        unit = Unit(layer, state, int(match["number"]))
    if unit is None or not unit.number < widths.get((unit.layer, unit.state), 0):
        known = ", ".join(
            f"{layer}.{state}.0 to {layer}.{state}.{width - 1}" for (layer, state), width in widths.items()
        )
        raise SettingsError(
            f"there is no unit {str(name)!r}; the units are {known}; a number alone is one of the last layer's last "
            "state"
        )
    return unit
