"""Work that must not take the cores from requests."""

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

NICENESS = 10


def run_at_low_priority(call: Callable[[], T]) -> T:
    """The result of a call, made in a thread of its own that yields to the others.

    The thread is new and ends with the call, because only root may raise a priority
    again. Linux knows niceness by thread; elsewhere the call just runs.

    Raises:
        BaseException: what the call raises.
    """
    if sys.platform != "linux":
        return call()
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)

    thread = threading.Thread(target=work, name="load", daemon=True)
    thread.start()
    thread.join()
    if errors:
        # Popped, so that this frame and the error do not keep each other alive.
        raise errors.pop()
    return results.pop()
