"""Threads that yield to requests."""

import os
import sys
import threading

import pytest

from serving.server.low_priority import NICENESS, run_at_low_priority

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="niceness is by thread on Linux only"
)


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_only_the_call_has_low_priority() -> None:
    before = _niceness()
    assert run_at_low_priority(_niceness) == max(before, NICENESS)
    assert _niceness() == before


def test_an_error_reaches_the_caller() -> None:
    def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        run_at_low_priority(fail)
