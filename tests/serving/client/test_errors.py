"""Every way to fail has a class, and every message helps."""

import grpc
import pytest

from serving.client import errors
from serving.server.status import Code


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.name != "OK"])
def test_every_grpc_status_has_an_error_of_its_own(code: grpc.StatusCode) -> None:
    kinds = [e for e in errors.status_errors() if e.grpc_code == code.name]
    assert kinds == [errors.from_grpc_code(code.name)]


def test_every_http_status_has_an_error() -> None:
    kinds = {errors.from_http_status(status) for status in range(100, 600)}
    assert all(issubclass(kind, errors.ServingError) for kind in kinds)
    assert errors.ServingError not in kinds


@pytest.mark.parametrize("code", [c for c in Code if c is not Code.OK])
def test_rest_and_grpc_agree_as_far_as_http_can_tell(code: Code) -> None:
    over_rest = errors.from_http_status(code.http_status)
    same_status = [c.name for c in Code if c.http_status == code.http_status]
    assert over_rest.grpc_code in same_status


KINDS = [*errors.ServingError.__subclasses__(), errors.MessageTooLargeError]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_says_where_what_and_what_to_do(kind: type) -> None:
    message = str(kind("host:8500", "x is too long"))
    assert message.startswith("host:8500: ")
    assert "x is too long." in message
    assert message.endswith(kind.advice)


def test_an_unheard_of_code_is_unknown() -> None:
    assert errors.from_grpc_code("TEAPOT") is errors.UnknownError


@pytest.mark.parametrize(
    "detail",
    [
        "Received message larger than max (5000000 vs. 4194304)",
        "CLIENT: Sent message larger than max (2000 vs. 1000)",
    ],
)
def test_a_message_beyond_a_limit_has_an_error_of_its_own(detail: str) -> None:
    kind = errors.from_grpc_code("RESOURCE_EXHAUSTED", detail)
    assert kind is errors.MessageTooLargeError
    assert issubclass(kind, errors.ResourceExhaustedError)
    assert "max_message_bytes" in str(kind("host:1", detail))
    other = errors.from_grpc_code("RESOURCE_EXHAUSTED", "too many requests")
    assert other is errors.ResourceExhaustedError


def test_rows_are_named_and_the_rest_is_kept() -> None:
    error = errors.UnavailableError("host:1", "down", retry_after_s=2.0)
    part = error.of_rows(range(64, 128))
    assert str(part).startswith("host:1: rows 64 to 127: the server cannot answer: ")
    assert (type(part), part.retry_after_s) == (errors.UnavailableError, 2.0)
