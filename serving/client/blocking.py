"""Asks a running model: `Client("localhost:8500").classify(["a text"])`.

Needs grpcio (or httpx), protobuf and numpy; no TensorFlow. `asynchronous` has the
same for asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from .opening import open_transport
from .parts import Part, in_order, parts_of, whole
from .prediction import Prediction
from .results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
)
from .retry import Deadline, RetryPolicy, ask
from .rows import check_collection, checked_texts

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

T = TypeVar("T")
Items = TypeVar("Items")


class Client(BaseClient):
    """A connection to one model on one server; threads may share it.

    Every call raises a subclass of `ServingError` when no answer came.

    Args:
        endpoint: `HOST:PORT` or `unix:/path`; for REST also a URL.
        settings: the other fields of `serving.client.config.ClientConfig`, such as
            `transport="rest"`, `model_name`, `deadline_s`, `tls`.

    Raises:
        ValueError: a setting is wrong.
    """

    def __init__(self, endpoint: str = ClientConfig.endpoint, **settings: Any) -> None:
        super().__init__(endpoint, **settings)
        self._transport = open_transport(self.config, self._budget)

    def classify(self, texts: Iterable[str]) -> list[Prediction]:
        """Gives one prediction per text, in their order.

        `texts` is a list, or a generator, a file, an array or a column, which is read
        to its end first; `classify_iter` reads as it goes. More than
        `max_rows_per_request` go in parts; an error then names the rows of its part.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            CodecError: a text holds a lone surrogate.
        """
        return self._answer(self._classify(texts))

    def classify_iter(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Yields predictions of any number of texts; each part has its own deadline.

        At most `max_parallel_requests` parts are in memory, and `texts` is read only as
        predictions are taken. A text that cannot be sent raises as in `classify`, after
        the predictions of the parts before.
        """
        check_collection(texts, "texts", "str")

        def classify(part: Part[list[str]]) -> list[Prediction]:
            texts = checked_texts(part.items, part.rows.start)
            return self._ask(self._dialect.classify(texts))

        parts = whole(parts_of(texts, self.config.max_rows_per_request))
        width = self.config.max_parallel_requests
        for predictions in in_order(classify, parts, width):
            yield from predictions

    def predict(
        self,
        inputs: Inputs,
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        output_filter: Sequence[str] = (),
        rows_are_independent: bool = False,
    ) -> Outputs:
        """Gives the outputs of any signature by name; strings are arrays of `bytes`.

        Args:
            inputs: arrays, or what numpy makes arrays of. Types must be the
                signature's: `np.float32`, not Python's float, for a float input.
            signature_name: one of `metadata().signatures`.
            output_filter: the outputs wanted; empty for all. Over gRPC the server sends
                no others; over REST it always sends all.
            rows_are_independent: the first dimension of all inputs and outputs is the
                batch: a long one goes in parts of `max_rows_per_request`.

        Raises:
            CodecError: an input cannot be sent.
        """
        question = self._predict(
            inputs, signature_name, output_filter, rows_are_independent
        )
        return self._answer(question)

    def classify_examples(
        self,
        examples: Iterable[Example],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Example | None = None,
    ) -> Answers[Classification]:
        """Gives labels and scores of tf.Examples: TF Serving's Classify API.

        Args:
            examples: each a mapping of feature name to value or list, a serialised
                tf.Example, or the message (see `serving.client.wire.tf_examples`).
            signature_name: one that takes tf.Examples.
            context: features that all examples share, in the same form.

        Raises:
            TypeError: `examples` is one tf.Example, or holds something else than them.
            CodecError: a feature cannot be sent.
        """
        ask = self._dialect.classify_examples
        question = self._of_examples(ask, examples, signature_name, context)
        return self._answer(question)

    def regress(
        self,
        examples: Iterable[Example],
        signature_name: str = contract.Signature.SERVING_DEFAULT,
        *,
        context: Example | None = None,
    ) -> Answers[float]:
        """Gives a number per tf.Example: the Regress API; as `classify_examples`."""
        ask = self._dialect.regress
        question = self._of_examples(ask, examples, signature_name, context)
        return self._answer(question)

    def multi_inference(
        self,
        tasks: Mapping[str, str],
        examples: Iterable[Example],
        *,
        context: Example | None = None,
    ) -> dict[str, Answers[Any]]:
        """Asks several signatures the same tf.Examples, in one run. gRPC only.

        Args:
            tasks: signature name to `"classify"` or `"regress"`.
            examples: as in `classify_examples`; always one request.
            context: as in `classify_examples`.
        """
        rows = checked_examples(examples)
        shared = checked_context(context)
        question = self._dialect.multi_inference(checked_tasks(tasks), rows, shared)
        return self._ask(question)

    def status(self) -> list[VersionStatus]:
        """Lists every version the server knows of, newest first."""
        return self._ask(self._dialect.status())

    def is_ready(self) -> bool:
        """Tells whether a version of the model, or the chosen one, answers now.

        Asks once. False when nobody is there; other errors are raised.
        """
        try:
            return is_available(self._ask(self._dialect.status(), self._policy_once))
        except NOT_READY:
            return False

    def metadata(self) -> ModelMetadata:
        """Describes the version that answers, and its signatures."""
        return self._ask(self._dialect.metadata())

    def reload_config(self, config: ServerConfig) -> None:
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

    def _ask(
        self,
        steps: Steps[Any, Any, T],
        policy: RetryPolicy | None = None,
        deadline: Deadline | None = None,
    ) -> T:
        policy = policy or self._policy
        return ask(steps, self._transport, policy, deadline or policy.deadline())

    def _answer(self, question: Question[Items, T]) -> T:
        """Joins the answers of all parts; they have one deadline."""
        steps_of, parts, join = question.steps_of, question.parts, question.join
        if len(parts) == 1:
            return self._ask(steps_of(parts[0].items))
        deadline = self._policy.deadline()

        def one(items: Items) -> T:
            return self._ask(steps_of(items), deadline=deadline)

        width = self.config.max_parallel_requests
        return join(list(in_order(one, parts, width)))
