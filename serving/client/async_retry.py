"""`retry.ask` and the parts of `parts`, for an event loop.

A file of its own, because importing asyncio doubles the time a waiting client needs.
"""

import asyncio
import collections
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from serving.client.calls import AnswerT, AsyncTransport, CallT, Steps
from serving.client.errors import ServingError
from serving.client.parts import Part, parts_of
from serving.client.retry import Deadline, RetryPolicy

T = TypeVar("T")
Items = TypeVar("Items")


async def ask_async(
    steps: Steps[CallT, AnswerT, T],
    transport: AsyncTransport[CallT, AnswerT],
    policy: RetryPolicy,
    deadline: Deadline,
) -> T:
    """Gives the result of the steps, as `ask` does, on an event loop."""
    try:
        call = next(steps)
        attempt = 0
        while True:
            try:
                answer = await transport.send(call, deadline.remaining_s())
            except ServingError as error:
                wait_s = policy.wait_s(error, attempt, deadline, call.may_repeat)
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)
                attempt += 1
            else:
                policy.answered()
                call = steps.send(answer)
                attempt = 0
    except StopIteration as finished:
        return finished.value
    finally:
        steps.close()


async def parts_of_async(
    items: Iterable[T] | AsyncIterable[T], size: int
) -> AsyncIterator[Part[list[T]]]:
    """Cuts as `parts_of` does, also what arrives asynchronously."""
    if isinstance(items, Iterable):
        for part in parts_of(items, size):
            yield part
        return
    taken: list[T] = []
    start = 0
    async for item in items:
        taken.append(item)
        if len(taken) == size:
            yield Part(range(start, start + size), taken)
            taken, start = [], start + size
    if taken:
        yield Part(range(start, start + len(taken)), taken)


async def in_order_async(
    function: Callable[[Items], Awaitable[T]],
    parts: AsyncIterator[Part[Items]],
    width: int,
) -> AsyncIterator[T]:
    """Answers as `in_order` does, with tasks; a failure cancels those that run."""
    pending: collections.deque[asyncio.Future[T]] = collections.deque()
    try:
        async for part in parts:
            pending.append(asyncio.ensure_future(_named_async(function, part)))
            if len(pending) >= width:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def as_async(items: Iterable[T]) -> AsyncIterator[T]:
    """Yields the same items to `async for`."""
    for item in items:
        yield item


async def _named_async(
    function: Callable[[Items], Awaitable[T]], part: Part[Items]
) -> T:
    try:
        return await function(part.items)
    except ServingError as error:
        raise error.of_rows(part.rows) from None
