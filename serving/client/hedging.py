"""A second request when the first is late; the first answer wins.

After Dean and Barroso, "The Tail at Scale", Communications of the ACM 56 (2013). Off
unless `hedge_after_s` is set: it costs the server work, so each one takes a token from
the retry budget, and only calls that change nothing are sent twice.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .calls import AnswerT, AsyncTransport, CallT, Transport
from .config import ClientConfig
from .errors import CancelledError, UnavailableError
from .retry import RetryBudget

T = TypeVar("T")


class HedgedTransport(AsyncTransport[CallT, AnswerT]):
    """Sends late calls a second time through another transport."""

    def __init__(
        self,
        transport: AsyncTransport[CallT, AnswerT],
        hedge_after_s: float,
        budget: RetryBudget,
    ) -> None:
        self._transport = transport
        self._hedge_after_s = hedge_after_s
        self._budget = budget

    async def send(self, call: CallT, timeout_s: float) -> AnswerT:
        """Gives the first answer; an error that a repetition would mend is not one."""
        if not call.may_repeat or self._hedge_after_s >= timeout_s:
            return await self._transport.send(call, timeout_s)
        first = asyncio.ensure_future(self._transport.send(call, timeout_s))
        racing: set[asyncio.Future[AnswerT]] = {first}
        try:
            await asyncio.wait(racing, timeout=self._hedge_after_s)
            if first.done() or not self._budget.take():
                return await first
            rest_s = timeout_s - self._hedge_after_s
            racing.add(asyncio.ensure_future(self._transport.send(call, rest_s)))
            return await _first_answer(racing)
        finally:
            for task in racing:
                task.cancel()
            await asyncio.gather(*racing, return_exceptions=True)

    async def close(self) -> None:
        await self._transport.close()


class LoopTransport(Transport[CallT, AnswerT]):
    """An asyncio transport for waiting callers, on an event loop in its own thread.

    Only there can a request be given up in the middle, over REST too.
    """

    def __init__(
        self, transport: AsyncTransport[CallT, AnswerT], config: ClientConfig
    ) -> None:
        self._transport = transport
        self._endpoint = config.endpoint
        self._loop = asyncio.new_event_loop()
        # A call that came between the last cancellation and the loop's end would wait
        # for ever.
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="serving-client", daemon=True
        )
        self._thread.start()

    def send(self, call: CallT, timeout_s: float) -> AnswerT:
        with self._lock:
            if self._is_closed:
                raise CancelledError(self._endpoint, "the client was closed")
            future = self._schedule(self._transport.send(call, timeout_s))
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise CancelledError(self._endpoint, "the client was closed") from None
        finally:
            future.cancel()  # after Ctrl-C, for example

    def close(self) -> None:
        """Ends the thread; waiting calls raise `CancelledError`."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._schedule(self._transport.close()).result()
        self._schedule(_cancel_others()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _schedule(
        self, coroutine: Coroutine[Any, Any, T]
    ) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


async def _first_answer(racing: set[asyncio.Future[T]]) -> T:
    waiting = racing
    while True:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not waiting or not isinstance(task.exception(), UnavailableError):
                return await task


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
