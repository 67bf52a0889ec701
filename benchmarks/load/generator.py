"""Makes the load: sends when it is time, and notes what became of each request."""

import asyncio
import collections
import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from benchmarks.load import arrivals
from benchmarks.load.config import LoadConfig


class SendError(Exception):
    """No answer, or one that says no. `kind` groups, `detail` explains one case."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class Sender(Protocol):
    """A way to a server, with its requests made ready; used from one event loop."""

    async def send(self, number: int) -> bytes:
        """The answer to request `number`, unread; numbers go round.

        Raises:
            SendError: anything else than a good answer.
        """

    def check(self, answer: bytes) -> None:
        """Raises `ValueError` for an answer that does not fit its question."""

    async def close(self) -> None:
        """Gives back the connections."""


@dataclasses.dataclass(kw_only=True)
class Window:
    """What was seen between the end of the warm-up and the end of the load.

    `latencies_s` are those of the requests that arrived in it. In an open loop they
    count from the moment a request was due, not from when it was sent: a request that
    had to wait because the server kept the generator busy has waited all the same.
    Leaving that out is Gil Tene's "coordinated omission".
    """

    latencies_s: list[float] = dataclasses.field(default_factory=list)
    send_delays_s: list[float] = dataclasses.field(default_factory=list)
    errors: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    examples: dict[str, str] = dataclasses.field(default_factory=dict)
    arrived: int = 0
    answered_in_time: int = 0
    not_sent: int = 0
    checked: int = 0


class Generator:
    """One run against one server. `run` once."""

    def __init__(
        self,
        config: LoadConfig,
        sender: Sender,
        on_edge: Callable[[], None],
        clock: arrivals.Clock = time.monotonic,
    ) -> None:
        """`on_edge` is called when the window opens and when it closes."""
        self._clock = clock
        self._config = config
        self._sender = sender
        self._on_edge = on_edge
        self.window = Window()

    async def run(self) -> Window:
        """Returns after the last answer: at most `deadline_s` after the load."""
        self._opens_s = self._clock() + self._config.warm_up_s
        self._closes_s = self._opens_s + self._config.duration_s
        edges = asyncio.create_task(self._watch_edges())
        if self._config.clients is None:
            await self._open_loop()
        else:
            await self._closed_loop(self._config.clients)
        await edges
        return self.window

    async def _watch_edges(self) -> None:
        for moment_s in (self._opens_s, self._closes_s):
            await asyncio.sleep(moment_s - self._clock())
            self._on_edge()

    async def _closed_loop(self, clients: int) -> None:
        numbers = itertools.count()

        async def one_client() -> None:
            while (now_s := self._clock()) < self._closes_s:
                number = next(numbers)
                if number >= self._config.max_requests:
                    return
                if not await self._request(number, now_s):
                    # A server that refuses at once must not be asked at full speed.
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(one_client() for _ in range(clients)))

    async def _open_loop(self) -> None:
        start_s = self._opens_s - self._config.warm_up_s
        due_s = start_s + arrivals.schedule(self._config)
        room = asyncio.Semaphore(self._config.max_in_flight)

        async def one_request(number: int, due_s: float) -> None:
            try:
                await self._request(number, due_s)
            finally:
                room.release()

        with arrivals.AlarmClock(self._clock) as clock:
            async with asyncio.TaskGroup() as running:
                for number, moment_s in enumerate(due_s.tolist()):
                    await clock.wait_until(moment_s)
                    # Full: this and the following wait, and their latencies grow.
                    await room.acquire()
                    if self._clock() > self._closes_s:
                        self._count_unsent(due_s[number:])
                        break
                    running.create_task(one_request(number, moment_s))

    def _count_unsent(self, due_s: np.ndarray) -> None:
        unsent = int(((due_s >= self._opens_s) & (due_s < self._closes_s)).sum())
        self.window.arrived += unsent
        self.window.not_sent += unsent

    async def _request(self, number: int, due_s: float) -> bool:
        sent_s = self._clock()
        error = await self._ask(number)
        done_s = self._clock()
        window = self.window
        if error is None and self._opens_s <= done_s < self._closes_s:
            window.answered_in_time += 1
        if self._opens_s <= due_s < self._closes_s:
            window.arrived += 1
            window.send_delays_s.append(sent_s - due_s)
            if error is None:
                window.latencies_s.append(done_s - due_s)
            else:
                window.errors[error.kind] += 1
                window.examples.setdefault(error.kind, error.detail)
        return error is None

    async def _ask(self, number: int) -> SendError | None:
        try:
            answer = await self._sender.send(number)
            every = self._config.check_every
            if every and number % every == 0:
                self._sender.check(answer)
                self.window.checked += 1
        except SendError as error:
            return error
        except ValueError as error:
            return SendError("wrong answer", str(error))
        return None
