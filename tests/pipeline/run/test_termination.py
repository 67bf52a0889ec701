"""SIGTERM and SIGHUP end a run as Ctrl-C does, and whoever ignores them goes on."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pipeline.errors import Terminated
from pipeline.run.termination import ends_politely

POLITE = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def as_at_a_start() -> Iterator[None]:
    """A test runner that itself ignores them, as under nohup, changes nothing here."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in POLITE}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", POLITE)
def test_a_told_end_is_an_interruption_with_the_signals_status(
    number: signal.Signals,
) -> None:
    with pytest.raises(Terminated) as caught, ends_politely():
        signal.raise_signal(number)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.status == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ends_politely():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_outside_the_main_thread_signals_stay_as_they_are() -> None:
    seen = []

    def look() -> None:
        with ends_politely():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
