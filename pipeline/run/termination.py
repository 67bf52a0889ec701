"""A polite end: SIGTERM and SIGHUP end a run as Ctrl-C does, and it tidies up."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from pipeline.errors import Terminated

_POLITE = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ends_politely() -> Iterator[None]:
    """Raises `Terminated` in the main thread when the process is told to end.

    A signal that is ignored (as SIGHUP is under nohup), or that somebody else handles,
    stays as it is. Outside the main thread, where Python hears no signals, all do.
    """
    is_main = threading.current_thread() is threading.main_thread()
    ours = [n for n in _POLITE if is_main and signal.getsignal(n) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _: FrameType | None) -> None:
    raise Terminated(signal.Signals(number))
