"""Ctrl-C and the system's request to end, held back until the work is at a place where it can end."""

import signal
import threading


class HeldSignals:
    """Within `with`, holds the first signal until `check` is called; a second one raises KeyboardInterrupt at once.

    What a signal's handler raises may be lost where Python ignores exceptions, as in the removal of an object; what
    `check` raises cannot be. In a thread other than the main one, where Python hands out no signals, nothing is held.

    Args:
        numbers: Of the signals, SIGINT or SIGTERM.

    Attributes:
        received: Number of the first one, or None.
    """

    def __init__(self, *numbers):
        self.received = None
        self._numbers, self._handlers = numbers, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._handlers = {each: signal.signal(each, self._receive) for each in self._numbers}
        return self

    def __exit__(self, *_):
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        self._handlers = {}

    def check(self):
        """Raise what a signal that was received asks for.

        Raises:
            KeyboardInterrupt: After SIGINT.
            SystemExit: After SIGTERM.
        """
        if self.received == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        if self.received is not None:
            raise KeyboardInterrupt

    def _receive(self, number, frame):
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
