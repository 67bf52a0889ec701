"""Asks a running model: `Client("localhost:8500").classify(["a text"])`.

Needs grpcio (or httpx), protobuf and numpy; no TensorFlow. `asynchronous` has the
same for asyncio.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from model import contract
from serving.client.base import (
    NOT_READY,
    ClientCore,
    checked_texts,
    is_available,
    joined_answers,
    joined_outputs,
)
from serving.client.calls import Steps, Transport, open_async_transport, open_transport
from serving.client.config import ClientConfig
from serving.client.parts import Part, in_order, joined, parts_of, parts_of_inputs
from serving.client.results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
)
from serving.client.retry import Deadline, RetryBudget, ask
from serving.prediction import Prediction

T = TypeVar("T")
Items = TypeVar("Items")

__all__ = ["Client"]


class Client(ClientCore):
    """A connection to one model on one server; threads may share it.

    Every call raises a subclass of `ServingError` when no answer came.

    Args:
        endpoint: `HOST:PORT` or `unix:/path`; for REST also a URL.
        settings: the other fields of `serving.client.config.ClientConfig`, such as
            `transport="rest"`, `model_name`, `deadline_s`, `tls`.

    Raises:
        ValueError: a setting is wrong.
    """

    def __init__(self, endpoint: str = "localhost:8500", **settings: Any) -> None:
        super().__init__(endpoint, **settings)
        self._transport = _open(self.config, self._budget)

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in their order.

        A list longer than `max_rows_per_request` goes in parts; an error then names the
        rows of its part.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
        """
        texts = checked_texts(texts)
        if not texts:
            return []
        if self._fits(texts):
            return self._ask(self._dialect.classify(texts))
        return joined(self._in_parts(self._dialect.classify, self._parts(texts)))

    def classify_iter(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """As `classify`, for any number of texts; `deadline_s` counts for each part.

        At most `max_parallel_requests` parts are in memory, and `texts` is read only as
        predictions are taken.
        """

        def classify(part: list[str]) -> list[Prediction]:
            return self._ask(self._dialect.classify(checked_texts(part)))

        width = self.config.max_parallel_requests
        for predictions in in_order(classify, self._parts(texts), width):
            yield from predictions

    def predict(
        self,
        inputs: Mapping[str, Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        output_filter: Sequence[str] = (),
        rows_are_independent: bool = False,
    ) -> Outputs:
        """The outputs of any signature, by name; strings come as arrays of `bytes`.

        Args:
            inputs: arrays, or what numpy makes arrays of. Types must be the
                signature's: `np.float32`, not Python's float, for a float input.
            signature_name: one of `metadata().signatures`.
            output_filter: the outputs wanted; empty for all. Over gRPC the server sends
                no others; over REST it always sends all.
            rows_are_independent: the first dimension of all inputs and outputs is the
                batch: a long one goes in parts of `max_rows_per_request`.

        Raises:
            serving.formats.tensors.CodecError: an input cannot be sent.
        """

        def steps(part: Mapping[str, Any]) -> Steps[Outputs]:
            return self._dialect.predict(part, str(signature_name), output_filter)

        parts = []
        if rows_are_independent:
            parts = parts_of_inputs(inputs, self.config.max_rows_per_request)
        if len(parts) < 2:
            return self._ask(steps(inputs))
        return joined_outputs(self._in_parts(steps, parts))

    def classify_examples(
        self,
        examples: Sequence[Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Any = None,
    ) -> Answers[Classification]:
        """TF Serving's Classify API: labels and scores of tf.Examples.

        Args:
            examples: each a mapping of feature name to value or list, a serialised
                tf.Example, or the message (see `serving.client.tf_examples`).
            signature_name: one that takes tf.Examples.
            context: features that all examples share, in the same form.

        Raises:
            serving.formats.tensors.CodecError: a feature cannot be sent.
        """

        def steps(part: Sequence[Any]) -> Steps[Answers[Classification]]:
            return self._dialect.classify_examples(part, str(signature_name), context)

        return self._answers(steps, examples)

    def regress(
        self,
        examples: Sequence[Any],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Any = None,
    ) -> Answers[float]:
        """TF Serving's Regress API: a number per tf.Example; as `classify_examples`."""

        def steps(part: Sequence[Any]) -> Steps[Answers[float]]:
            return self._dialect.regress(part, str(signature_name), context)

        return self._answers(steps, examples)

    def multi_inference(
        self,
        tasks: Mapping[str, str],
        examples: Sequence[Any],
        *,
        context: Any = None,
    ) -> dict[str, Answers[Any]]:
        """Several signatures on the same tf.Examples, in one run. gRPC only.

        Args:
            tasks: signature name to `"classify"` or `"regress"`.
            examples: as in `classify_examples`; always one request.
            context: as in `classify_examples`.
        """
        return self._ask(self._dialect.multi_inference(tasks, examples, context))

    def status(self) -> list[VersionStatus]:
        """Every version the server knows of, newest first."""
        return self._ask(self._dialect.status())

    def is_ready(self) -> bool:
        """True when a version of the model (or the chosen one) answers requests now.

        Asks once. False when nobody is there; other errors are raised.
        """
        deadline = self._policy_once.deadline()
        try:
            steps = self._dialect.status()
            return is_available(
                ask(steps, self._transport, self._policy_once, deadline)
            )
        except NOT_READY:
            return False

    def metadata(self) -> ModelMetadata:
        """The version that answers, and its signatures."""
        return self._ask(self._dialect.metadata())

    def reload_config(self, config: Any) -> None:
        """Gives the server other models to serve, and waits for them. gRPC only.

        Args:
            config: a `ModelServerConfig` message, or its text form.
        """
        self._ask(self._dialect.reload_config(config))

    def close(self) -> None:
        """Gives connections back; later calls raise `CancelledError`."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _ask(self, steps: Steps[T], deadline: Deadline | None = None) -> T:
        deadline = deadline or self._policy.deadline()
        return ask(steps, self._transport, self._policy, deadline)

    def _answers(
        self,
        steps_of: Callable[[list[Any]], Steps[Answers[T]]],
        examples: Sequence[Any],
    ) -> Answers[T]:
        if self._fits(examples):
            return self._ask(steps_of(list(examples)))
        return joined_answers(self._in_parts(steps_of, self._parts(examples)))

    def _parts(self, items: Iterable[T]) -> Iterator[Part[list[T]]]:
        return parts_of(items, self.config.max_rows_per_request)

    def _in_parts(
        self, steps_of: Callable[[Items], Steps[T]], parts: Iterable[Part[Items]]
    ) -> list[T]:
        """The results of all parts, in order, before one deadline."""
        deadline = self._policy.deadline()

        def one(items: Items) -> T:
            return self._ask(steps_of(items), deadline)

        return list(in_order(one, parts, self.config.max_parallel_requests))


def _open(config: ClientConfig, budget: RetryBudget) -> Transport:
    if config.hedge_after_s is None:
        return open_transport(config)
    from serving.client.hedging import HedgedTransport, LoopTransport

    hedged = HedgedTransport(open_async_transport(config), config.hedge_after_s, budget)
    return LoopTransport(hedged, config)
