"""The memory that REST bodies may take."""

import asyncio
import gzip
from typing import Any

import pytest

from serving.server.rest_api import body_memory
from serving.server.rest_api.body_memory import BodyMemory, HeldBody, Receive
from serving.server.status import Code, StatusError


def _receive(*messages: dict[str, Any]) -> Receive:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return receive


def _chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_is_the_sum_of_its_pieces_and_counts_until_it_is_released() -> None:
    async def scenario() -> None:
        memory = BodyMemory()
        held = HeldBody(memory)
        receive = _receive(_chunk(b"ab", more=True), _chunk(b"c"))
        assert await held.read(receive) == b"abc"
        assert memory.held_bytes == 3
        held.release()
        assert memory.held_bytes == 0

    asyncio.run(scenario())


def test_a_client_that_leaves_sends_no_body() -> None:
    async def scenario() -> None:
        memory = BodyMemory()
        held = HeldBody(memory)
        receive = _receive(_chunk(b"ab", more=True), {"type": "http.disconnect"})
        assert await held.read(receive) is None
        held.release()
        assert memory.held_bytes == 0

    asyncio.run(scenario())


def test_bodies_beyond_the_limit_of_all_are_refused() -> None:
    async def scenario() -> None:
        memory = BodyMemory(total_bytes=10)
        await HeldBody(memory).read(_receive(_chunk(b"x" * 8)))
        held = HeldBody(memory)
        with pytest.raises(StatusError, match="holds 8 bytes of other") as caught:
            await held.read(_receive(_chunk(b"abc")))
        assert caught.value.code is Code.RESOURCE_EXHAUSTED
        held.release()
        assert memory.held_bytes == 8

    asyncio.run(scenario())


def test_a_packed_body_counts_with_what_is_in_it() -> None:
    async def scenario() -> None:
        memory = BodyMemory()
        held = HeldBody(memory)
        assert await held.unpack(gzip.compress(b"x" * 1000)) == b"x" * 1000
        assert memory.held_bytes == 1000

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "size, is_good", [(900, True), (1000, True), (1001, False), (100_000, False)]
)
def test_a_body_that_is_large_unpacked_is_refused(
    monkeypatch: pytest.MonkeyPatch, size: int, is_good: bool
) -> None:
    monkeypatch.setattr(body_memory, "LARGE_BYTES", 100)
    monkeypatch.setattr(body_memory, "MAX_UNPACKED_BYTES", 1000)

    async def scenario() -> None:
        held = HeldBody(BodyMemory())
        packed = gzip.compress(b"x" * size)
        if is_good:
            assert len(await held.unpack(packed)) == size
            assert held._memory.held_bytes == size
        else:
            with pytest.raises(StatusError, match="larger than 1000 bytes unpacked"):
                await held.unpack(packed)

    asyncio.run(scenario())


def test_few_large_bodies_are_worked_on_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_memory, "LARGE_BYTES", 100)

    async def scenario() -> None:
        memory = BodyMemory(max_large=1)
        first, small, second = HeldBody(memory), HeldBody(memory), HeldBody(memory)
        await first.read(_receive(_chunk(b"x" * 101)))
        await small.read(_receive(_chunk(b"x" * 99)))
        waiting = asyncio.create_task(second.read(_receive(_chunk(b"x" * 101))))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        first.release()
        assert await waiting == b"x" * 101

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body, message",
    [
        (b"no gzip", "incorrect header check"),
        (gzip.compress(b"text", mtime=0)[:-12], "it ends too early"),
    ],
)
def test_what_is_no_gzip_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(StatusError, match="Failed to decompress.*" + message):
        asyncio.run(HeldBody(BodyMemory()).unpack(body))
