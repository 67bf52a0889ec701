"""What the clients do on the wire: tokens, retries, hedges, compression, reuse."""

import concurrent.futures
import contextlib
import gzip
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.client import errors
from tests.support.serving.blocking_client import CLIENTS
from tests.support.serving.stub_servers import (
    GOOD,
    STUBS,
    CountingProxy,
    Reply,
    Script,
    always,
    first,
)

UNAVAILABLE = {"grpc": "UNAVAILABLE", "rest": 503}
EXHAUSTED = {"grpc": "RESOURCE_EXHAUSTED", "rest": 429}
IN_ONE_SECOND = {
    "grpc": {"grpc-retry-pushback-ms": "1000"},
    "rest": {"retry-after": "1"},
}

over_all = pytest.mark.parametrize("over", CLIENTS)
over_rest = pytest.mark.parametrize("over", ["rest", "async-rest"])
over_grpc = pytest.mark.parametrize("over", ["grpc", "async-grpc"])


@contextlib.contextmanager
def asking(
    over: str, script: Script = GOOD, **settings: Any
) -> Iterator[tuple[Any, Any]]:
    """A stub server and a client for it."""
    client_class, kind = CLIENTS[over]
    with (
        STUBS[kind](script) as stub,
        client_class(stub.endpoint, transport=kind, **settings) as client,
    ):
        yield stub, client


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
def test_a_server_in_trouble_is_asked_again(over: str) -> None:
    down = Reply(UNAVAILABLE[CLIENTS[over][1]])
    with asking(over, first(down, down), backoff_s=0.01) as (stub, client):
        assert client.classify(["x"])[0].label == "a"
    assert len(stub.asked) == 3


@over_all
def test_the_server_s_time_to_come_back_is_kept(over: str) -> None:
    kind = CLIENTS[over][1]
    full = Reply(EXHAUSTED[kind], headers=IN_ONE_SECOND[kind])
    with asking(over, first(full), backoff_s=0.001) as (stub, client):
        start = time.monotonic()
        assert client.classify(["x"])[0].label == "a"
        assert 1.0 <= time.monotonic() - start < 3
    assert len(stub.asked) == 2


@pytest.mark.parametrize("value", ["-1", "soon"])
@over_grpc
def test_a_server_can_forbid_to_come_back(over: str, value: str) -> None:
    reply = Reply("UNAVAILABLE", headers={"grpc-retry-pushback-ms": value})
    with asking(over, always(reply)) as (stub, client):
        with pytest.raises(errors.UnavailableError):
            client.classify(["x"])
        assert len(stub.asked) == 1


@over_all
def test_a_late_request_is_sent_a_second_time_and_the_first_answer_counts(
    over: str,
) -> None:
    slow = first(Reply(wait_s=2.0))
    with asking(over, slow, hedge_after_s=0.1) as (stub, client):
        start = time.monotonic()
        assert client.classify(["x"])[0].label == "a"
        assert time.monotonic() - start < 1.5
        assert len(stub.asked) == 2


@over_grpc
def test_the_loser_is_cancelled(over: str) -> None:
    slow = first(Reply(wait_s=10.0))
    with asking(over, slow, hedge_after_s=0.1) as (stub, client):
        client.classify(["x"])
        assert stub.cancelled.wait(5)


@over_all
def test_a_failed_copy_does_not_beat_a_slow_answer(over: str) -> None:
    down = Reply(UNAVAILABLE[CLIENTS[over][1]])
    script = first(Reply(wait_s=0.5), down)
    with asking(over, script, hedge_after_s=0.1, retries=0) as (stub, client):
        assert client.classify(["x"])[0].label == "a"
        assert len(stub.asked) == 2


@over_all
def test_fast_answers_are_not_hedged(over: str) -> None:
    with asking(over, hedge_after_s=5.0) as (stub, client):
        client.classify(["x"])
    assert len(stub.asked) == 1


@over_all
def test_an_empty_budget_hedges_nothing(over: str) -> None:
    slow = always(Reply(wait_s=0.3))
    with asking(over, slow, hedge_after_s=0.05, retry_budget=1) as (stub, client):
        client.classify(["x"])
        client.classify(["x"])
    assert len(stub.asked) == 3


@over_all
def test_a_hedged_client_that_was_closed_says_so(over: str) -> None:
    with asking(over, hedge_after_s=0.1) as (_, client):
        client.close()
        with pytest.raises(errors.CancelledError, match="closed"):
            client.classify(["x"])


@over_rest
def test_rest_keeps_its_connection(over: str) -> None:
    with asking(over) as (stub, client):
        for _ in range(5):
            client.classify(["x"])
    assert stub.connections == 1


@over_rest
def test_rest_bodies_are_compressed_when_asked(over: str) -> None:
    with asking(over, compression="gzip") as (stub, client):
        client.classify(["x" * 5000])
        client.classify(["x"])
    long, short = stub.asked
    assert long.headers["content-encoding"] == "gzip"
    assert b"x" * 5000 in gzip.decompress(long.body)
    assert "content-encoding" not in short.headers


@over_rest
def test_rest_bodies_are_plain_unless_asked(over: str) -> None:
    with asking(over) as (stub, client):
        client.classify(["x" * 5000])
    assert b"x" * 5000 in stub.asked[0].body


@over_grpc
def test_closing_the_client_ends_waiting_calls_with_an_error_of_ours(over: str) -> None:
    with (
        asking(over, always(Reply(wait_s=5.0))) as (stub, client),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        pending = pool.submit(client.classify, ["x"])
        while not stub.asked:
            time.sleep(0.01)
        client.close()
        with pytest.raises(errors.CancelledError, match="(?i)clos"):
            pending.result(timeout=10)


@over_grpc
def test_grpc_messages_are_compressed_when_asked(over: str) -> None:
    sizes = {}
    for compression in ("none", "gzip"):
        with (
            STUBS["grpc"]() as stub,
            CountingProxy(stub.endpoint) as proxy,
            CLIENTS[over][0](proxy.endpoint, compression=compression) as client,
        ):
            client.classify(["x" * 50_000])
            sizes[compression] = proxy.sent_bytes
    assert sizes["gzip"] < 5000
    assert sizes["none"] > 50_000


@over_rest
def test_a_server_that_trickles_does_not_outlive_the_deadline(over: str) -> None:
    endless = Reply(body=b"[" * 100, trickle_s=0.05)
    start = time.monotonic()
    with (
        asking(over, always(endless), deadline_s=0.3) as (_, client),
        pytest.raises(errors.DeadlineExceededError),
    ):
        client.classify(["x"])
    assert time.monotonic() - start < 2


@over_rest
def test_a_rest_answer_beyond_the_limit_names_the_setting(over: str) -> None:
    large = always(Reply(body=b"x" * 5000))
    with (
        asking(over, large, max_message_bytes=1000) as (_, client),
        pytest.raises(errors.MessageTooLargeError, match="max_message_bytes"),
    ):
        client.classify(["x"])


@over_rest
def test_a_url_may_have_a_path_and_a_header_says_the_version(over: str) -> None:
    reply = Reply(headers={"x-model-version": "12"})
    with STUBS["rest"](always(reply)) as stub:
        url = f"http://{stub.endpoint}/behind/a/proxy/"
        with CLIENTS[over][0](url, transport="rest") as client:
            assert client.classify(["x"])[0].model_version == 12
    assert stub.asked[0].path == "/behind/a/proxy/v1/models/classifier:predict"


@over_grpc
def test_a_socket_file_is_an_endpoint(over: str, tmp_path: pathlib.Path) -> None:
    with (
        STUBS["grpc"](address=f"unix:{tmp_path}/socket") as stub,
        CLIENTS[over][0](stub.endpoint) as client,
    ):
        assert client.classify(["x"])[0].scores == pytest.approx((0.75, 0.25))


@over_all
def test_numbers_are_sent_as_they_are(over: str) -> None:
    kind = CLIENTS[over][1]
    with (
        asking(over, always(Reply(UNAVAILABLE[kind])), retries=0) as (stub, client),
        pytest.raises(errors.UnavailableError),
    ):
        client.predict({"x": np.float32([1.5])}, "s")
    wanted = {"grpc": np.float32(1.5).tobytes(), "rest": b'{"x": [1.5]}'}
    assert wanted[kind] in stub.asked[0].body
