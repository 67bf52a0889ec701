"""Background work in daemon threads that exist only while there is some."""

import collections
import logging
import threading
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Pool(Protocol):
    """Where jobs are carried out, some time."""

    def submit(self, job: Job) -> None:
        """Takes a job; never waits."""


class ThreadPool:
    """At most `size` threads. A job that hangs does not keep the process from ending.

    That is why this is not a `concurrent.futures` executor: those are joined at exit.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: collections.deque[Job] = collections.deque()
        self._running = 0
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Takes a job; the oldest waiting one comes first."""
        with self._lock:
            self._jobs.append(job)
            if self._running == self._size:
                return
            self._running += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                log.exception("%s: a job failed", self._name)
            del job  # what it refers to must not live until the next one comes

    def _next(self) -> Job | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._running -= 1
            return None
