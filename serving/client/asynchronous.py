"""Asks a running model from asyncio: `await AsyncClient(...).classify(["a text"])`."""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any, Self, TypeVar

from model import contract
from serving.client.async_retry import (
    as_async,
    ask_async,
    in_order_async,
    parts_of_async,
)
from serving.client.base import (
    NOT_READY,
    ClientCore,
    checked_texts,
    is_available,
    joined_answers,
    joined_outputs,
)
from serving.client.calls import AsyncTransport, Steps, open_async_transport
from serving.client.config import ClientConfig
from serving.client.parts import Part, joined, parts_of, parts_of_inputs
from serving.client.results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
)
from serving.client.retry import Deadline, RetryBudget
from serving.prediction import Prediction

T = TypeVar("T")
Items = TypeVar("Items")

__all__ = ["AsyncClient"]


class AsyncClient(ClientCore):
    """`serving.client.Client` for asyncio: the same settings, methods and errors.

    Made anywhere, used in one event loop: `async with AsyncClient(...) as client:`.
    Cancelling a task that waits for an answer gives the request up.
    """

    def __init__(self, endpoint: str = "localhost:8500", **settings: Any) -> None:
        super().__init__(endpoint, **settings)
        self._transport = _open(self.config, self._budget)

    async def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in their order; see `Client.classify`."""
        texts = checked_texts(texts)
        if not texts:
            return []
        if self._fits(texts):
            return await self._ask(self._dialect.classify(texts))
        parts = self._parts(texts)
        return joined(await self._in_parts(self._dialect.classify, parts))

    async def classify_iter(
        self, texts: Iterable[str] | AsyncIterable[str]
    ) -> AsyncIterator[Prediction]:
        """As `classify`, for any number of texts; see `Client.classify_iter`."""

        async def classify(part: list[str]) -> list[Prediction]:
            return await self._ask(self._dialect.classify(checked_texts(part)))

        parts = parts_of_async(texts, self.config.max_rows_per_request)
        width = self.config.max_parallel_requests
        async for predictions in in_order_async(classify, parts, width):
            for prediction in predictions:
                yield prediction

    async def predict(
        self,
        inputs: Mapping[str, Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        output_filter: Sequence[str] = (),
        rows_are_independent: bool = False,
    ) -> Outputs:
        """The outputs of any signature, by name; see `Client.predict`."""

        def steps(part: Mapping[str, Any]) -> Steps[Outputs]:
            return self._dialect.predict(part, str(signature_name), output_filter)

        parts = []
        if rows_are_independent:
            parts = parts_of_inputs(inputs, self.config.max_rows_per_request)
        if len(parts) < 2:
            return await self._ask(steps(inputs))
        return joined_outputs(await self._in_parts(steps, parts))

    async def classify_examples(
        self,
        examples: Sequence[Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Any = None,
    ) -> Answers[Classification]:
        """Labels and scores of tf.Examples; see `Client.classify_examples`."""

        def steps(part: Sequence[Any]) -> Steps[Answers[Classification]]:
            return self._dialect.classify_examples(part, str(signature_name), context)

        return await self._answers(steps, examples)

    async def regress(
        self,
        examples: Sequence[Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Any = None,
    ) -> Answers[float]:
        """A number per tf.Example; see `Client.regress`."""

        def steps(part: Sequence[Any]) -> Steps[Answers[float]]:
            return self._dialect.regress(part, str(signature_name), context)

        return await self._answers(steps, examples)

    async def multi_inference(
        self, tasks: Mapping[str, str], examples: Sequence[Any], *, context: Any = None
    ) -> dict[str, Answers[Any]]:
        """Several signatures on the same examples; see `Client.multi_inference`."""
        return await self._ask(self._dialect.multi_inference(tasks, examples, context))

    async def status(self) -> list[VersionStatus]:
        """Every version the server knows of, newest first."""
        return await self._ask(self._dialect.status())

    async def is_ready(self) -> bool:
        """True when the model answers requests now; see `Client.is_ready`."""
        policy = self._policy_once
        try:
            steps = self._dialect.status()
            return is_available(
                await ask_async(steps, self._transport, policy, policy.deadline())
            )
        except NOT_READY:
            return False

    async def metadata(self) -> ModelMetadata:
        """The version that answers, and its signatures."""
        return await self._ask(self._dialect.metadata())

    async def reload_config(self, config: Any) -> None:
        """Gives the server other models to serve; see `Client.reload_config`."""
        await self._ask(self._dialect.reload_config(config))

    async def close(self) -> None:
        """Gives connections back; later calls raise `CancelledError`."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _ask(self, steps: Steps[T], deadline: Deadline | None = None) -> T:
        deadline = deadline or self._policy.deadline()
        return await ask_async(steps, self._transport, self._policy, deadline)

    async def _answers(
        self,
        steps_of: Callable[[list[Any]], Steps[Answers[T]]],
        examples: Sequence[Any],
    ) -> Answers[T]:
        if self._fits(examples):
            return await self._ask(steps_of(list(examples)))
        return joined_answers(await self._in_parts(steps_of, self._parts(examples)))

    def _parts(self, items: Iterable[T]) -> Iterable[Part[list[T]]]:
        return parts_of(items, self.config.max_rows_per_request)

    async def _in_parts(
        self, steps_of: Callable[[Items], Steps[T]], parts: Iterable[Part[Items]]
    ) -> list[T]:
        deadline = self._policy.deadline()

        async def one(items: Items) -> T:
            return await self._ask(steps_of(items), deadline)

        width = self.config.max_parallel_requests
        answers = in_order_async(one, as_async(parts), width)
        return [answer async for answer in answers]


def _open(config: ClientConfig, budget: RetryBudget) -> AsyncTransport:
    transport = open_async_transport(config)
    if config.hedge_after_s is None:
        return transport
    from serving.client.hedging import HedgedTransport

    return HedgedTransport(transport, config.hedge_after_s, budget)
