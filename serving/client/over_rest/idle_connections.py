"""Connections that wait for their next request: the one used last goes first."""

import collections
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class IdleConnections(Generic[Connection]):
    """A stack that threads may share; it makes connections when it is empty.

    httpx has a pool, which looks through all its connections before and after every
    request: with 16 callers that took twice as long as the requests themselves. So
    every entry here is an httpx transport of one connection.
    """

    def __init__(self, make: Callable[[], Connection], keepalive_s: float) -> None:
        self._make = make
        self._keepalive_s = keepalive_s
        self.is_closed = False
        self._idle: collections.deque[tuple[Connection, float]] = collections.deque()

    def take(self) -> Connection:
        """Gives an idle connection, or a new one; it belongs to the caller."""
        try:
            return self._idle.pop()[0]
        except IndexError:
            return self._make()

    def give_back(self, connection: Connection, is_usable: bool) -> list[Connection]:
        """Keeps it for others; the caller must close all that come back instead."""
        if not is_usable or self.is_closed:
            return [connection]
        now = time.monotonic()
        self._idle.append((connection, now))
        if self._idle[0][1] + self._keepalive_s > now:
            return []
        return self._expired(now)

    def drain(self) -> list[Connection]:
        """Gives all of them away, for closing, and keeps no more."""
        self.is_closed = True
        return self._expired(float("inf"))

    def _expired(self, now: float) -> list[Connection]:
        expired = []
        try:
            while self._idle[0][1] + self._keepalive_s <= now:
                expired.append(self._idle.popleft()[0])
        except IndexError:  # empty, perhaps because another thread took the last
            return expired
        return expired
