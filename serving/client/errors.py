"""Everything that can go wrong when asking a server: one class per kind of answer.

ServingError
├── one class per gRPC status code, reached over gRPC and over REST
│   └── MessageTooLargeError  a ResourceExhaustedError whose cure is known
└── InvalidResponseError  the answer is not what a TF Serving API sends

CodecError stands apart: nothing was sent, because a value cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class ServingError(Exception):
    """A request that brought no answer. Catch this to catch all.

    Attributes:
        endpoint: whom we asked.
        detail: what the server, or the transport, said.
        rows: which rows of a long list had no answer; None for all.
        retry_after_s: when the server asked to be asked again; infinite for never,
            None when it did not say.
    """

    grpc_code = ""
    """The name of the gRPC status, for example `NOT_FOUND`."""
    http_statuses: tuple[int, ...] = ()
    """The REST statuses that mean the same; the first class that lists one gets it."""
    meaning = "the request failed"
    advice = "See the server's log."

    def __init__(
        self,
        endpoint: str,
        detail: str,
        *,
        rows: range | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.detail = detail.strip() or "(no details)"
        self.rows = rows
        self.retry_after_s = retry_after_s
        stop = "" if self.detail.endswith((".", "?", "!")) else "."
        where = "" if rows is None else f"{_spelled(rows)}: "
        said = f"{where}{self.meaning}: {self.detail}{stop}"
        super().__init__(f"{endpoint}: {said} {self.advice}")

    def of_rows(self, rows: range) -> Self:
        """Makes the same error, naming rows of the caller's list, counted from 0."""
        return type(self)(
            self.endpoint, self.detail, rows=rows, retry_after_s=self.retry_after_s
        )


class CodecError(ValueError):
    """A value that cannot become a tensor, or a malformed TensorProto."""


class InvalidArgumentError(ServingError):
    """The request does not fit the model's signature."""

    grpc_code = "INVALID_ARGUMENT"
    http_statuses = (400, 415, 422)
    meaning = "the server refused the request"
    advice = "Compare your inputs with Client.metadata()."


class NotFoundError(ServingError):
    """No such model, version, or URL."""

    grpc_code = "NOT_FOUND"
    http_statuses = (404, 405)
    meaning = "the server has no such model or version"
    advice = "Check model name, version and endpoint; a model may still be loading."


class UnavailableError(ServingError):
    """Nobody answered, or the server is starting, stopping or overloaded."""

    grpc_code = "UNAVAILABLE"
    http_statuses = (502, 503)
    meaning = "the server cannot answer"
    advice = "Is it running, and is this its gRPC (or REST) port? Start one: ktp serve."


class DeadlineExceededError(ServingError):
    """No answer in time; the server may still be working on it."""

    grpc_code = "DEADLINE_EXCEEDED"
    http_statuses = (408, 504)
    meaning = "no answer before the deadline"
    advice = "Raise deadline_s, send fewer texts at once, or add replicas."


class ResourceExhaustedError(ServingError):
    """Too large or too many: a message size limit, a queue, a quota."""

    grpc_code = "RESOURCE_EXHAUSTED"
    http_statuses = (429,)
    meaning = "a limit was hit"
    advice = "Send more slowly, or add replicas."


class MessageTooLargeError(ResourceExhaustedError):
    """A request or an answer beyond the limit of one side."""

    http_statuses = (413,)
    meaning = "the message is too large"
    advice = (
        "Raise max_message_bytes (it bounds both directions; the server has a limit of "
        "its own), lower max_rows_per_request, or ask for fewer outputs."
    )


class FailedPreconditionError(ServingError):
    """The model cannot do this, for example it has no such signature."""

    grpc_code = "FAILED_PRECONDITION"
    meaning = "the model cannot do this"
    advice = "Client.metadata() lists its signatures."


class OutOfRangeError(ServingError):
    """A value lies outside what the model accepts."""

    grpc_code = "OUT_OF_RANGE"
    meaning = "a value is out of range"
    advice = "Check the values you send."


class UnauthenticatedError(ServingError):
    """The server wants to know who you are."""

    grpc_code = "UNAUTHENTICATED"
    http_statuses = (401, 407)
    meaning = "the server wants credentials"
    advice = "Check TLS settings and credentials."


class PermissionDeniedError(ServingError):
    """You are known and not allowed, or a proxy stands in the way."""

    grpc_code = "PERMISSION_DENIED"
    http_statuses = (403,)
    meaning = "the server denied access"
    advice = "Check credentials, and that no proxy stands between."


class UnimplementedError(ServingError):
    """The server does not know this call."""

    grpc_code = "UNIMPLEMENTED"
    http_statuses = (501,)
    meaning = "the server does not offer this"
    advice = "Is this a TF Serving gRPC port? The REST port is another one."


class InternalError(ServingError):
    """A bug in the server or the model."""

    grpc_code = "INTERNAL"
    http_statuses = (500,)
    meaning = "the server failed"


class UnknownError(ServingError):
    """The server failed and did not say in which way."""

    grpc_code = "UNKNOWN"
    meaning = "the server failed in an unknown way"


class DataLossError(ServingError):
    """Something the server stored is damaged."""

    grpc_code = "DATA_LOSS"
    meaning = "data is damaged"
    advice = "Push the model again."


class CancelledError(ServingError):
    """Somebody gave up: this client was closed, or the server is shutting down."""

    grpc_code = "CANCELLED"
    http_statuses = (499,)
    meaning = "the request was cancelled"
    advice = "Was the client closed while it was waiting?"


class AbortedError(ServingError):
    """Two operations got into each other's way."""

    grpc_code = "ABORTED"
    http_statuses = (409,)
    meaning = "the request was aborted"
    advice = "Try again."


class AlreadyExistsError(ServingError):
    """What should be made is there."""

    grpc_code = "ALREADY_EXISTS"
    meaning = "it exists already"
    advice = "Choose another name or version."


class InvalidResponseError(ServingError):
    """The answer is not what a TF Serving API sends, or lacks an expected output."""

    meaning = "the answer cannot be understood"
    advice = "Is this a TF Serving endpoint, and does this model classify text?"


def _spelled(rows: range) -> str:
    if len(rows) == 1:
        return f"row {rows.start}"
    return f"rows {rows.start} to {rows.stop - 1}"


def status_errors() -> Iterator[type[ServingError]]:
    """Lists the classes that stand for a gRPC status code."""
    return (error for error in ServingError.__subclasses__() if error.grpc_code)


def from_grpc_code(name: str, detail: str = "") -> type[ServingError]:
    """Finds the class for a gRPC status code's name; `UnknownError` for a new one.

    Args:
        name: such as `NOT_FOUND`.
        detail: the text beside it, which tells the size of a message from other limits.
    """
    if name == ResourceExhaustedError.grpc_code and _TOO_LARGE.search(detail):
        return MessageTooLargeError
    matches = (error for error in status_errors() if error.grpc_code == name)
    return next(matches, UnknownError)


def from_http_status(status: int) -> type[ServingError]:
    """Finds the class for a REST status; an unlisted one goes by its hundreds."""
    kinds: list[type[ServingError]] = [*status_errors(), MessageTooLargeError]
    for error in kinds:
        if status in error.http_statuses:
            return error
    if 400 <= status < 500:
        return InvalidArgumentError
    return InternalError if status >= 500 else InvalidResponseError


# "Received message larger than max (5000000 vs. 4194304)", and "Sent" likewise;
# newer releases of gRPC prefix "CLIENT:" or "SERVER:".
_TOO_LARGE = re.compile("message larger than max")
