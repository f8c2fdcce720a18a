"""Ctrl-C, the system's request to end and a closed terminal, held back until the work is where it can end."""

import signal
import threading

HANG_UP = getattr(signal, "SIGHUP", None)  # the terminal is closed; not on every system


def ending():
    """Return the numbers of the signals that ask a training to end: SIGINT, SIGTERM, and SIGHUP but under nohup."""
    hang_up = [] if HANG_UP is None or signal.getsignal(HANG_UP) is signal.SIG_IGN else [HANG_UP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


class HeldSignals:
    """Within `with`, holds the first signal until `check` is called; a second one raises KeyboardInterrupt at once.

    A closed terminal never counts as the second: both the system and the shell may tell of it.

    What a signal's handler raises may be lost where Python ignores exceptions, as in the removal of an object; what
    `check` raises cannot be. In a thread other than the main one, where Python hands out no signals, nothing is held.

    Args:
        numbers: Of the signals, some of `ending`.

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
            SystemExit: After another one, with the status of a program that it has ended: 143, or 129.
        """
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)

    def _receive(self, number, frame):
        if self.received is None:
            self.received = number
        elif number != HANG_UP:
            raise KeyboardInterrupt
