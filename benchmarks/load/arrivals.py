"""When requests arrive in an open loop, and an alarm clock that is punctual."""

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Self

import numpy as np

from benchmarks.load.config import LoadConfig

_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_ABSOLUTE = 1


def schedule(config: LoadConfig) -> np.ndarray:
    """Seconds from the start, increasing, for the whole run; at most `max_requests`.

    Independent users make a Poisson process: the gaps are exponential, so short
    bursts occur. Constant gaps flatter a server.
    """
    assert config.rate_per_s is not None
    count = min(int(config.total_s * config.rate_per_s), config.max_requests)
    if config.arrivals == "constant":
        return np.arange(count) / config.rate_per_s
    random = np.random.default_rng(config.seed)
    # As many as expected, so that equal settings mean equal work.
    return np.cumsum(random.exponential(1 / config.rate_per_s, count))


Clock = Callable[[], float]


class AlarmClock:
    """Wakes one coroutine at a time of `clock`, the monotonic one within some 0.1 ms.

    Event loops round their timers to whole milliseconds, which would add as much to
    every latency. A Linux timer descriptor does not; elsewhere the loop's must do.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._timer = -1
        self._bell: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        if sys.platform == "linux" and self._clock is time.monotonic:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._timer = self._libc.timerfd_create(
                time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC
            )
            if self._timer < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create failed")
            asyncio.get_running_loop().add_reader(self._timer, self._ring)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._timer >= 0:
            asyncio.get_running_loop().remove_reader(self._timer)
            os.close(self._timer)

    async def wait_until(self, time_s: float) -> None:
        """Returns at `time_s`; if that has passed, after others had a turn."""
        delay_s = time_s - self._clock()
        if delay_s <= 0 or self._timer < 0:
            await asyncio.sleep(max(delay_s, 0))
            return
        self._bell = asyncio.get_running_loop().create_future()
        seconds, nanoseconds = divmod(int(time_s * 1e9), 1_000_000_000)
        setting = struct.pack("qqqq", 0, 0, seconds, nanoseconds)
        self._libc.timerfd_settime(self._timer, _ABSOLUTE, setting, None)
        await self._bell

    def _ring(self) -> None:
        os.read(self._timer, 8)
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)
