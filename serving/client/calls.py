"""The seam of the client: dialects phrase calls, transports carry them.

A dialect turns "classify these texts" into *steps*: a generator that yields calls, is
sent the answers, and returns the result. So both clients, the waiting and the asyncio
one, share every line that knows a protocol, and the transports know no model.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from serving.client.config import ClientConfig, TransportKind
from serving.client.results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
)
from serving.prediction import Prediction

T = TypeVar("T")
Steps = Generator[Any, Any, T]


class GrpcCall(NamedTuple):
    """A method's path and a serialised request; the answer is the serialised reply."""

    path: str
    request: bytes
    may_repeat: bool = True


class RestCall(NamedTuple):
    """An HTTP request below the server's URL; the answer is a `RestAnswer`."""

    method: str
    path: str
    body: bytes = b""
    may_repeat: bool = True


class RestAnswer(NamedTuple):
    """The body of a successful answer; `model_version` where a header says it."""

    body: bytes
    model_version: int | None


class Transport(Protocol):
    """One way to a server. `send` raises `ServingError` and does not retry."""

    def send(self, call: Any, timeout_s: float) -> Any:
        """The server's answer."""

    def close(self) -> None:
        """Gives connections back; waiting calls fail."""


class AsyncTransport(Protocol):
    """As `Transport`, for an event loop; connections belong to the loop of the call."""

    async def send(self, call: Any, timeout_s: float) -> Any:
        """The server's answer."""

    async def close(self) -> None:
        """Gives connections back; waiting calls fail."""


class Dialect(Protocol):
    """What can be asked, as steps; the methods are `serving.client.Client`'s."""

    def classify(self, texts: Sequence[str]) -> Steps[list[Prediction]]:
        """One prediction per text."""

    def predict(
        self,
        inputs: Mapping[str, Any],
        signature_name: str,
        output_filter: Sequence[str],
    ) -> Steps[Outputs]:
        """The outputs of the signature."""

    def classify_examples(
        self, examples: Sequence[Any], signature_name: str, context: Any
    ) -> Steps[Answers[Classification]]:
        """Labels and scores per example."""

    def regress(
        self, examples: Sequence[Any], signature_name: str, context: Any
    ) -> Steps[Answers[float]]:
        """One number per example."""

    def multi_inference(
        self, tasks: Mapping[str, str], examples: Sequence[Any], context: Any
    ) -> Steps[dict[str, Answers[Any]]]:
        """The answers of several signatures."""

    def metadata(self) -> Steps[ModelMetadata]:
        """The signatures of the version that answers."""

    def status(self) -> Steps[list[VersionStatus]]:
        """All versions the server knows of, newest first."""

    def reload_config(self, config: Any) -> Steps[None]:
        """Other models."""


def open_dialect(config: ClientConfig) -> Dialect:
    """The words of the transport that the settings ask for."""
    if config.transport is TransportKind.REST:
        from serving.client.over_rest.dialect import RestDialect

        return RestDialect(config)
    from serving.client.over_grpc.dialect import GrpcDialect

    return GrpcDialect(config)


def open_transport(config: ClientConfig) -> Transport:
    """The transport that the settings ask for; only its library is imported."""
    if config.transport is TransportKind.REST:
        from serving.client.over_rest.transport import RestTransport

        return RestTransport(config)
    from serving.client.over_grpc.transport import GrpcTransport

    return GrpcTransport(config)


def open_async_transport(config: ClientConfig) -> AsyncTransport:
    """As `open_transport`, for an event loop."""
    if config.transport is TransportKind.REST:
        from serving.client.over_rest.async_transport import AsyncRestTransport

        return AsyncRestTransport(config)
    from serving.client.over_grpc.async_transport import AsyncGrpcTransport

    return AsyncGrpcTransport(config)
