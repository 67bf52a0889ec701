"""What goes wrong inside the server, in the codes that gRPC and REST both answer."""

import enum
from typing import Self


class Code(enum.IntEnum):
    """gRPC's status codes, which are TensorFlow's, and HTTP's for each (500)."""

    OK = 0, 200
    CANCELLED = 1, 499
    UNKNOWN = 2
    INVALID_ARGUMENT = 3, 400
    DEADLINE_EXCEEDED = 4, 504
    NOT_FOUND = 5, 404
    ALREADY_EXISTS = 6, 409
    PERMISSION_DENIED = 7, 403
    RESOURCE_EXHAUSTED = 8, 429
    FAILED_PRECONDITION = 9, 400
    ABORTED = 10, 409
    OUT_OF_RANGE = 11, 400
    UNIMPLEMENTED = 12, 501
    INTERNAL = 13
    UNAVAILABLE = 14, 503
    DATA_LOSS = 15
    UNAUTHENTICATED = 16, 401

    http_status: int

    def __new__(cls, number: int, http_status: int = 500) -> Self:
        code = int.__new__(cls, number)
        code._value_ = number
        code.http_status = http_status
        return code


class StatusError(Exception):
    """A request, a load or a start that failed; clients get `message` as it is."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


def invalid_argument(message: str) -> StatusError:
    """Makes the commonest status."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def from_exception(error: Exception) -> StatusError:
    """Returns the status of any exception; TensorFlow's carry their own code."""
    if isinstance(error, StatusError):
        return error
    code = getattr(error, "error_code", None)
    message = getattr(error, "message", None)
    if isinstance(code, int) and isinstance(message, str):
        return StatusError(Code(code), message)
    return StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")
