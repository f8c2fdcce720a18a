"""Signals that are held until the work can end."""

import signal
import threading

import pytest

from keras_charrnn.common.signals import HeldSignals


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_the_first_signal_waits_for_the_check(number, raised):
    handler = signal.getsignal(number)
    with pytest.raises(raised), HeldSignals(number) as signals:
        signals.check()
        assert signals.received is None
        signal.raise_signal(number)
        assert signals.received == number
        signals.check()
    assert signal.getsignal(number) is handler


def test_a_second_one_ends_at_once():
    with HeldSignals(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_where_python_ignores_exceptions_is_not_lost():
    class Interrupted:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with HeldSignals(signal.SIGINT) as signals:
        Interrupted()
        with pytest.raises(KeyboardInterrupt):
            signals.check()


def test_a_thread_of_its_own_holds_none():
    handler, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with HeldSignals(signal.SIGINT):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [handler]
