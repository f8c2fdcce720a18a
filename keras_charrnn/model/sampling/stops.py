"""Texts before which a generation ends."""

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.sampling.base import require


class Stops:
    """Some texts, the first of which to be complete ends a generation: what came before it is kept.

    Args:
        stop: A str, a list of them, or None.
        vocabulary: Of the model.

    Raises:
        SettingsError: If one is empty, or has a character that can never come up.
    """

    def __init__(self, stop, vocabulary):
        stops = [stop] if isinstance(stop, str) else [] if stop is None else stop
        listed = isinstance(stops, list | tuple) and all(isinstance(each, str) and each for each in stops)
        require("stop", "a text of at least one character, or a list of them", stop, listed)
        self._stops = tuple(stops)
        for each in stops:
            for character, known in zip(each, vocabulary.knows(each), strict=True):
                if not known:
                    raise SettingsError(
                        f"the stop text has the character {character!r} (U+{ord(character):04X}), which is none of the "
                        f"model's {len(vocabulary)} symbols: it would never come up; give another text, or none"
                    )

    def __bool__(self):
        return bool(self._stops)

    @property
    def longest(self):
        """The characters of the longest."""
        return max(map(len, self._stops), default=0)

    def find(self, text):
        """Return where the first to be complete begins, -1 for none."""
        found = [(place + len(each), place) for each in self._stops if (place := text.find(each)) >= 0]
        return min(found)[1] if found else -1

    def before(self, text):
        """Return a text up to where one begins."""
        place = self.find(text)
        return text if place < 0 else text[:place]

    def begun(self, text):
        """Return how many characters at the end of a text may be the beginning of one."""
        return max((_overlap(text, each) for each in self._stops), default=0)


def _overlap(text, stop):
    return next(n for n in range(min(len(stop) - 1, len(text)), -1, -1) if n == 0 or text.endswith(stop[:n]))
