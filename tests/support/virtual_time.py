"""An event loop without waiting: when nothing is left to do, its clock jumps."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
# What travels between two sockets of one machine has arrived by then.
SETTLE_S = 0.001


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the system what is there, and adds the time that it should have waited."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        found = super().select(SETTLE_S if len(self.get_map()) > 1 else 0)
        if not found:
            self.now_s += timeout
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Timers fire in their order, at once; `time()` is what they add up to.

    Sockets work, as long as both ends are in this loop.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, however long it believes to have waited."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def now_s() -> float:
    """The time of the running loop."""
    return asyncio.get_running_loop().time()
