"""Asks a running model from asyncio: `await AsyncClient(...).classify(["a text"])`.

What `retry` and `parts` do for a caller that waits is here done on an event loop.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any, TypeVar

from . import contract
from .base import (
    NOT_READY,
    BaseClient,
    Question,
    checked_context,
    checked_examples,
    checked_tasks,
    is_available,
)
from .calls import Example, Inputs, ServerConfig, Steps
from .config import ClientConfig
from .errors import ServingError
from .opening import open_async_transport
from .parts import Part, parts_of
from .prediction import Prediction
from .results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
)
from .retry import Deadline, RetryPolicy
from .rows import check_collection, checked_texts, collected

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

T = TypeVar("T")
Items = TypeVar("Items")


class AsyncClient(BaseClient):
    """`serving.client.Client` for asyncio: the same settings, methods and errors.

    Made anywhere, used in one event loop: `async with AsyncClient(...) as client:`.
    Cancelling a task that waits for an answer gives the request up.
    """

    def __init__(self, endpoint: str = ClientConfig.endpoint, **settings: Any) -> None:
        super().__init__(endpoint, **settings)
        self._transport = open_async_transport(self.config, self._budget)

    async def classify(
        self, texts: Iterable[str] | AsyncIterable[str]
    ) -> list[Prediction]:
        """Gives one prediction per text, in their order; see `Client.classify`."""
        return await self._answer(self._classify(await collected(texts)))

    async def classify_iter(
        self, texts: Iterable[str] | AsyncIterable[str]
    ) -> AsyncIterator[Prediction]:
        """Yields predictions of any number of texts; see `Client.classify_iter`."""
        if not isinstance(texts, AsyncIterable):
            check_collection(texts, "texts", "str")

        async def classify(part: Part[list[str]]) -> list[Prediction]:
            texts = checked_texts(part.items, part.rows.start)
            return await self._ask(self._dialect.classify(texts))

        size = self.config.max_rows_per_request
        parts = whole_async(parts_of_async(texts, size))
        width = self.config.max_parallel_requests
        async for predictions in in_order_async(classify, parts, width):
            for prediction in predictions:
                yield prediction

    async def predict(
        self,
        inputs: Inputs,
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        output_filter: Sequence[str] = (),
        rows_are_independent: bool = False,
    ) -> Outputs:
        """Gives the outputs of any signature by name; see `Client.predict`."""
        question = self._predict(
            inputs, signature_name, output_filter, rows_are_independent
        )
        return await self._answer(question)

    async def classify_examples(
        self,
        examples: Iterable[Example] | AsyncIterable[Example],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Example | None = None,
    ) -> Answers[Classification]:
        """Gives labels and scores of tf.Examples; see `Client.classify_examples`."""
        ask = self._dialect.classify_examples
        rows = await collected(examples)
        question = self._of_examples(ask, rows, signature_name, context)
        return await self._answer(question)

    async def regress(
        self,
        examples: Iterable[Example] | AsyncIterable[Example],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Example | None = None,
    ) -> Answers[float]:
        """Gives a number per tf.Example; see `Client.regress`."""
        ask = self._dialect.regress
        rows = await collected(examples)
        question = self._of_examples(ask, rows, signature_name, context)
        return await self._answer(question)

    async def multi_inference(
        self,
        tasks: Mapping[str, str],
        examples: Iterable[Example] | AsyncIterable[Example],
        *,
        context: Example | None = None,
    ) -> dict[str, Answers[Any]]:
        """Asks several signatures the same; see `Client.multi_inference`."""
        rows = checked_examples(await collected(examples))
        shared = checked_context(context)
        question = self._dialect.multi_inference(checked_tasks(tasks), rows, shared)
        return await self._ask(question)

    async def status(self) -> list[VersionStatus]:
        """Lists every version the server knows of, newest first."""
        return await self._ask(self._dialect.status())

    async def is_ready(self) -> bool:
        """Tells whether the model answers requests now; see `Client.is_ready`."""
        try:
            versions = await self._ask(self._dialect.status(), self._policy_once)
            return is_available(versions)
        except NOT_READY:
            return False

    async def metadata(self) -> ModelMetadata:
        """Describes the version that answers, and its signatures."""
        return await self._ask(self._dialect.metadata())

    async def reload_config(self, config: ServerConfig) -> None:
        """Gives the server other models to serve; see `Client.reload_config`."""
        await self._ask(self._dialect.reload_config(config))

    async def close(self) -> None:
        """Gives connections back; later calls raise `CancelledError`."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _ask(
        self,
        steps: Steps[Any, Any, T],
        policy: RetryPolicy | None = None,
        deadline: Deadline | None = None,
    ) -> T:
        """Gives the result of the steps, as `retry.ask` does, on an event loop."""
        policy = policy or self._policy
        deadline = deadline or policy.deadline()
        try:
            call = next(steps)
            attempt = 0
            while True:
                try:
                    answer = await self._transport.send(call, deadline.remaining_s())
                except ServingError as error:
                    wait_s = policy.wait_s(error, attempt, deadline, call.may_repeat)
                    if wait_s is None:
                        raise
                    await asyncio.sleep(wait_s)
                    attempt += 1
                else:
                    policy.budget.put_back()
                    call = steps.send(answer)
                    attempt = 0
        except StopIteration as finished:
            return finished.value
        finally:
            steps.close()

    async def _answer(self, question: Question[Items, T]) -> T:
        """Joins the answers of all parts; they have one deadline."""
        steps_of, parts, join = question.steps_of, question.parts, question.join
        if len(parts) == 1:
            return await self._ask(steps_of(parts[0].items))
        deadline = self._policy.deadline()

        async def one(items: Items) -> T:
            return await self._ask(steps_of(items), deadline=deadline)

        width = self.config.max_parallel_requests
        answers = in_order_async(one, as_async(parts), width)
        return join([answer async for answer in answers])


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
    try:
        async for item in items:
            taken.append(item)
            if len(taken) == size:
                yield Part(range(start, start + size), taken)
                taken, start = [], start + size
    except Exception:
        if taken:
            yield Part(range(start, start + len(taken)), taken)
        raise
    if taken:
        yield Part(range(start, start + len(taken)), taken)


async def in_order_async(
    function: Callable[[Items], Awaitable[T]],
    parts: AsyncIterator[Part[Items]],
    width: int,
) -> AsyncIterator[T]:
    """Answers as `in_order` does, with tasks; a failure cancels those that run."""
    pending: collections.deque[asyncio.Future[T]] = collections.deque()
    failures: list[Exception] = []
    try:
        while (part := await _next(parts, failures)) is not None:
            pending.append(asyncio.ensure_future(_named_async(function, part)))
            if len(pending) >= width:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
        for failure in failures:
            raise failure
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _next(
    parts: AsyncIterator[Part[Items]], failures: list[Exception]
) -> Part[Items] | None:
    """Gives the next part; none after the last, and where the source has failed."""
    try:
        return await parts.__anext__()
    except StopAsyncIteration:
        return None
    except Exception as failure:  # noqa: BLE001 - raised when its time has come
        failures.append(failure)
        return None


async def whole_async(
    parts: AsyncIterator[Part[Items]],
) -> AsyncIterator[Part[Part[Items]]]:
    """Does what `parts.whole` does."""
    async for part in parts:
        yield Part(part.rows, part)


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
