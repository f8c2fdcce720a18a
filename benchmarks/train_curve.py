"""Validation loss by seconds of training, for contenders of any framework: it needs nothing but Python."""

import json
import math
import time


class Curve:
    """Notes the loss at times of a clock that stands still while it is measured.

    Args:
        every: Steps from one measurement to the next.

    Attributes:
        points: Pairs of seconds of training and validation loss, in nats per character.
    """

    def __init__(self, every):
        self.every, self.points = every, []
        self._next, self._measured, self._aside, self._began = every, 0, 0.0, time.perf_counter()

    @property
    def seconds(self):
        return time.perf_counter() - self._began - self._aside

    def leave_out(self, seconds):
        """Take seconds off the clock that were none of training."""
        self._aside += seconds

    def step(self, done, measure, last=False):
        """Measure the loss, where it is time for that, after so many steps."""
        if done >= self._next or (last and done > self._measured):
            seconds = self.seconds
            self.points.append((seconds, measure()))
            self.leave_out(self.seconds - seconds)
            self._next, self._measured = done + self.every, done

    def report(self, **figures):
        """Print the curve and further figures for `common.run` to read; what is no number is left out."""
        points = [point for point in self.points if math.isfinite(point[1])]
        print("contender: " + json.dumps({"curve": points, **figures}), flush=True)
