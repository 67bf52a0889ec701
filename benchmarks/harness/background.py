"""Load that goes on while something happens to the server, with every outcome noted."""

import asyncio
import collections
import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import Sender, SendError
from benchmarks.load.run import make_sender

PAUSE_S = 0.005


@dataclasses.dataclass(frozen=True)
class Failure:
    """A request without a good answer. `at_s` is of `time.monotonic()`."""

    transport: str
    kind: str
    detail: str
    at_s: float


class BackgroundLoad:
    """A thread with closed-loop clients; they stop when the context ends.

    `on_answer` gets every good answer, on that thread.
    """

    def __init__(
        self,
        configs: Sequence[LoadConfig],
        texts: Sequence[str],
        on_answer: Callable[[str, bytes], None] = lambda transport, answer: None,
    ) -> None:
        self._configs = configs
        self._texts = texts
        self._on_answer = on_answer
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answered: collections.Counter[str] = collections.Counter()
        self.failures: list[Failure] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._is_over.set()
        self._thread.join()

    async def _run(self) -> None:
        senders = [make_sender(config, self._texts) for config in self._configs]
        async with asyncio.TaskGroup() as clients:
            for config, sender in zip(self._configs, senders, strict=True):
                numbers = itertools.count()
                for _ in range(config.clients or 0):
                    clients.create_task(self._client(config, sender, numbers))
        for sender in senders:
            await sender.close()

    async def _client(
        self, config: LoadConfig, sender: Sender, numbers: "itertools.count[int]"
    ) -> None:
        while not self._is_over.is_set():
            try:
                answer = await sender.send(next(numbers))
            except SendError as error:
                failure = Failure(
                    config.transport, error.kind, error.detail, time.monotonic()
                )
                self.failures.append(failure)
                await asyncio.sleep(PAUSE_S)
            else:
                self.answered[config.transport] += 1
                self._on_answer(config.transport, answer)
