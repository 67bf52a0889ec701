"""REST on the wire: connections, compression, limits, URLs."""

import asyncio
import gzip
import sys
import time
from collections.abc import AsyncGenerator

import pytest

from serving.client import AsyncClient, errors
from tests.support.patience import LONG_S
from tests.support.serving.clients import CLIENTS, asking
from tests.support.serving.stub_servers import STUBS, Reply, always

over_rest = pytest.mark.parametrize("over", ["rest", "async-rest"])


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


@over_rest
def test_a_server_that_trickles_does_not_outlive_the_deadline(over: str) -> None:
    endless = Reply(body=b"[" * 10_000, trickle_s=0.05)
    start = time.monotonic()
    with (
        asking(over, always(endless), deadline_s=0.3) as (_, client),
        pytest.raises(errors.DeadlineExceededError),
    ):
        client.classify(["x"])
    assert time.monotonic() - start < LONG_S


@over_rest
def test_a_rest_answer_beyond_the_limit_names_the_setting(over: str) -> None:
    large = always(Reply(body=b"x" * 5000))
    with (
        asking(over, large, max_message_bytes=1000) as (_, client),
        pytest.raises(errors.MessageTooLargeError, match="max_message_bytes"),
    ):
        client.classify(["x"])


def test_an_answer_that_is_given_up_is_closed_before_the_error_is_raised() -> None:
    given: list[AsyncGenerator[bytes, None]] = []

    def see(generator: AsyncGenerator[bytes, None]) -> None:
        if generator.__name__ == "aiter_bytes":
            given.append(generator)

    async def ask(endpoint: str) -> list[bool]:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=see)
        settings = {"transport": "rest", "max_message_bytes": 1000}
        async with AsyncClient(f"http://{endpoint}", **settings) as client:
            with pytest.raises(errors.MessageTooLargeError):
                await client.classify(["x"])
            sys.set_asyncgen_hooks(*hooks)
            return [generator.ag_frame is None for generator in given]

    with STUBS["rest"](always(Reply(body=b"x" * 500_000))) as stub:
        assert asyncio.run(ask(stub.endpoint)) == [True]


@over_rest
def test_a_url_may_have_a_path_and_a_header_says_the_version(over: str) -> None:
    reply = Reply(headers={"x-model-version": "12"})
    with STUBS["rest"](always(reply)) as stub:
        url = f"http://{stub.endpoint}/behind/a/proxy/"
        with CLIENTS[over][0](url, transport="rest") as client:
            assert client.classify(["x"])[0].model_version == 12
    assert stub.asked[0].path == "/behind/a/proxy/v1/models/classifier:predict"
