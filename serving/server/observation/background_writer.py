"""A thread that writes what the event loop hands over, and never holds the loop up."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")

GATHER_S = 0.05
"""Items that come within this time are written together: the loop is woken less."""
COMPLAIN_EVERY_S = 60.0


class BackgroundWriter(Generic[Item]):
    """A bounded queue in front of a function that may block.

    What the queue has no place for, and what the function fails on, is dropped and
    counted (the count may miss one when both happen at once).
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Item]], None],
        *,
        max_items: int,
        tick_s: float | None = None,
    ) -> None:
        """Calls `write` with nothing, too, every `tick_s` without an item."""
        self.dropped = 0
        self._name = name
        self._write = write
        self._max_items = max_items
        self._tick_s = tick_s
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._complained_s = -COMPLAIN_EVERY_S
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item, *, is_vital: bool = False) -> bool:
        """Hands an item over at once, or drops it and says False.

        A vital item gets in though the queue is full. A signal handler may call this.
        """
        is_full = self._queue.qsize() >= self._max_items and not is_vital
        if is_full or self._closing.is_set():
            self.dropped += 1
            return False
        self._queue.put(item)
        return True

    def lose(self, count: int) -> None:
        """Counts items that `write` could not write; call it while handling why."""
        self.dropped += count
        now_s = time.monotonic()
        if now_s - self._complained_s >= COMPLAIN_EVERY_S:
            self._complained_s = now_s
            log.exception("%s: %d records are lost", self._name, count)

    def close(self, limit_s: float) -> bool:
        """Writes what is waiting and ends the thread.

        Returns:
            False when that took longer than the limit; the rest is lost.
        """
        self._closing.set()
        self._queue.put(None)
        self._thread.join(max(limit_s, 0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        is_open = True
        while is_open:
            gathered = self._next_items()
            items = [item for item in gathered if item is not None]
            is_open = len(items) == len(gathered)
            try:
                self._write(items)
            except Exception:  # noqa: BLE001  the thread must live on
                self.lose(len(items))

    def _next_items(self) -> list[Item | None]:
        try:
            items = [self._queue.get(timeout=self._tick_s)]
        except queue.Empty:
            return []
        if items[0] is not None:
            self._closing.wait(GATHER_S)
        # `close` puts the last item, and nothing comes after it.
        while items[-1] is not None and not self._queue.empty():
            items.append(self._queue.get())
        return items
