"""The token travels with every request, and only where it can stand in a header."""

import pathlib
from typing import Any

import pytest

from serving.client import errors
from tests.support.serving.clients import CLIENTS, asking

over_all = pytest.mark.parametrize("over", CLIENTS)


def tokens_sent(stub: Any) -> list[str | None]:
    return [asked.headers.get("authorization") for asked in stub.asked]


@over_all
def test_a_token_travels_with_every_request(over: str) -> None:
    with asking(over, token="s3cret") as (stub, client):
        client.classify(["x"])
        client.classify(["y"])
    assert tokens_sent(stub) == ["Bearer s3cret"] * 2


@over_all
def test_without_a_token_no_header_is_sent(over: str) -> None:
    with asking(over) as (stub, client):
        client.classify(["x"])
    assert tokens_sent(stub) == [None]


@over_all
def test_a_token_s_file_is_read_again_when_it_changes(
    over: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")
    with asking(over, token_path=str(path)) as (stub, client):
        client.classify(["x"])
        path.write_text("newer\n")
        client.classify(["x"])
        path.unlink()
        with pytest.raises(errors.UnauthenticatedError, match="no token: .*No such"):
            client.classify(["x"])
    assert tokens_sent(stub) == ["Bearer old", "Bearer newer"]


@over_all
def test_a_token_may_come_from_a_function(over: str) -> None:
    tokens = iter(["one", "two"])
    with asking(over, token=lambda: next(tokens)) as (stub, client):
        client.classify(["x"])
        client.classify(["x"])
    assert tokens_sent(stub) == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "größe"])
@over_all
def test_a_token_that_breaks_the_header_is_not_sent(over: str, token: str) -> None:
    with (
        asking(over, token=token) as (stub, client),
        pytest.raises(errors.UnauthenticatedError, match="bearer token") as caught,
    ):
        client.classify(["x"])
    assert not stub.asked
    assert not token or token not in str(caught.value)


@over_all
@pytest.mark.parametrize("given", [None, b"s3cret", 4711])
def test_a_function_that_gives_no_str_is_named(over: str, given: Any) -> None:
    with (
        asking(over, token=lambda: given) as (stub, client),
        pytest.raises(errors.UnauthenticatedError, match="function for the token gave"),
    ):
        client.classify(["x"])
    assert tokens_sent(stub) == []


@over_all
def test_a_token_s_file_that_is_no_text_shows_no_byte_of_it(
    over: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"s3cret\xff")
    with (
        asking(over, token_path=str(path)) as (_, client),
        pytest.raises(errors.UnauthenticatedError, match="beyond ASCII") as caught,
    ):
        client.classify(["x"])
    seen = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert "s3cret" not in repr([(one, vars(one) if one else 0) for one in seen])
