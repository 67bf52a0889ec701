"""The seam of the client: dialects phrase calls, transports carry them.

A *dialect* turns "classify these texts" into *steps*: a generator that yields *calls*,
is sent their *answers*, and returns the result. A *transport* carries one call to the
server. So both clients, the waiting and the asyncio one, share every line that knows a
protocol, and the transports know no model.
"""

from __future__ import annotations

import abc
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, Union

if TYPE_CHECKING:
    from typing import TypeAlias  # Python 3.10

    # Only a type checker needs them, and importing numpy takes 0.2 s.
    from google.protobuf.message import Message
    from numpy.typing import ArrayLike

Inputs: TypeAlias = "Mapping[str, ArrayLike]"
"""Arrays by name, or what numpy can make arrays of."""
Example: TypeAlias = "Mapping[str, object] | bytes | Message"
"""Features by name, a serialised tf.Example, or the message."""
ServerConfig: TypeAlias = "str | Message"
"""A `ModelServerConfig`, or its text form."""


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


CallT = TypeVar("CallT", bound=Union[GrpcCall, RestCall])
AnswerT = TypeVar("AnswerT")
T = TypeVar("T")

Steps = Generator[CallT, AnswerT, T]
"""What a dialect makes of a question; `retry.ask` takes them to a transport."""


class Transport(abc.ABC, Generic[CallT, AnswerT]):
    """One way to a server."""

    @abc.abstractmethod
    def send(self, call: CallT, timeout_s: float) -> AnswerT:
        """Gives the server's answer or raises `ServingError`; does not retry."""

    @abc.abstractmethod
    def close(self) -> None:
        """Gives connections back; later calls raise `CancelledError`."""


class AsyncTransport(abc.ABC, Generic[CallT, AnswerT]):
    """As `Transport`, for an event loop; connections belong to the loop of the call."""

    @abc.abstractmethod
    async def send(self, call: CallT, timeout_s: float) -> AnswerT:
        """Gives the server's answer or raises `ServingError`; does not retry."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Gives connections back; later calls raise `CancelledError`."""
