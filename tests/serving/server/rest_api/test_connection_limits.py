"""REST connections that are slow, endless, or never read."""

import asyncio
import contextlib
import functools
import socket
from typing import Any, Self

import pytest
import uvicorn
from uvicorn.server import ServerState

from serving.server.rest_api.connection_limits import HttpLimits, guarded_protocol
from tests.support import virtual_time

LIMITS = HttpLimits(
    head_bytes=8_000,
    head_s=0.4,
    body_bytes=20_000,
    body_s=0.4,
    body_bytes_per_s=10_000,
    unread_s=0.4,
    connections=5,
)
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
BIG_ANSWER = 50_000_000


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the length of the body; at `/big` with a lot, at `/late` late."""
    if scope["path"] == "/late":
        await asyncio.sleep(0.6)
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    answer = b"x" * BIG_ANSWER if scope["path"] == "/big" else b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer})


class Served:
    """A server with little patience, in the running loop."""

    def __init__(self) -> None:
        config = uvicorn.Config(
            _app,
            http=guarded_protocol(LIMITS),
            lifespan="off",
            log_config=None,
            ws="none",
        )
        config.load()
        self.state = ServerState()
        self._protocol = functools.partial(
            config.http_protocol_class,
            config=config,
            server_state=self.state,
            app_state={},
        )

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for connection in list(self.state.connections):
            connection.transport.abort()

    async def connect(self) -> socket.socket:
        """Not a stream: that forgets what it received when the other side hangs up."""
        connection = socket.socket()
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", self.port))
        return connection

    async def exchange(self, *pieces: bytes, pause_s: float = 0.0) -> bytes:
        """What comes back until the server closes, or a little after the last piece."""
        loop, received = asyncio.get_running_loop(), b""
        with await self.connect() as connection:
            for number, piece in enumerate(pieces):
                if number:
                    await asyncio.sleep(pause_s)
                # A refusal may come before the end of what was to be said.
                with contextlib.suppress(ConnectionError):
                    await loop.sock_sendall(connection, piece)
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(None) as patience:
                    while True:
                        patience.reschedule(loop.time() + 0.7)
                        piece = await loop.sock_recv(connection, 65536)
                        if not piece:
                            break
                        received += piece
        return received


def _exchange(*pieces: bytes, pause_s: float = 0.0) -> tuple[bytes, float]:
    """What a new server answers, and when it had done so."""

    async def talk() -> tuple[bytes, float]:
        async with Served() as served:
            answer = await served.exchange(*pieces, pause_s=pause_s)
            return answer, virtual_time.now_s()

    return virtual_time.run(talk())


@pytest.mark.parametrize(
    "pieces, pause_s, status",
    [
        ([b""], 0, 408),
        ([b"POST"], 0, 408),
        ([b"G", b"E", b"T", b" ", b"/", b" "], 0.1, 408),
        ([POST, *[b"a: b\r\n"] * 6], 0.1, 408),
        ([POST + b"content-length: 9\r\n\r\n", b"abc"], 0.1, 408),
        ([POST + b"content-length: 99\r\n\r\n", *[b"a"] * 7], 0.1, 408),
        ([POST + b"a: " + b"x" * 9_000], 0, 431),
        ([b"GET /" + b"x" * 9_000], 0, 431),
        ([POST + b"a: b\r\n" * 2_000], 0, 431),
        (
            [
                POST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
                b"a: b\r\n" * 2_000,
            ],
            0.05,
            431,
        ),
        ([POST + b"content-length: 20001\r\n\r\n"], 0, 413),
        ([POST + b"expect: 100-continue\r\ncontent-length: 99999\r\n\r\n"], 0, 413),
        (
            [POST + b"transfer-encoding: chunked\r\n\r\n4e21\r\n" + b"x" * 20_001],
            0,
            413,
        ),
        ([POST + b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n"], 0, 200),
    ],
)
def test_what_takes_too_much_is_refused_and_closed(
    pieces: list[bytes], pause_s: float, status: int
) -> None:
    answer, end_s = _exchange(*pieces, pause_s=pause_s)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    if status != 200:
        assert b'"error": "' in answer
        assert end_s < 1.5


def test_a_slow_request_that_keeps_its_pace_is_answered() -> None:
    pieces = [POST + b"content-length: 15000\r\n\r\n", *[b"x" * 1_500] * 10]
    answer, _ = _exchange(*pieces, pause_s=0.1)
    assert answer.count(b"\r\n15000\r\n")


def test_several_requests_in_one_piece_are_all_answered() -> None:
    one = POST + b"content-length: 100\r\n\r\n" + b"x" * 100
    answer, _ = _exchange(one * 200)
    assert answer.count(b"HTTP/1.1 200 OK") == 200


def test_one_connection_may_be_used_for_longer_than_one_request_may_take() -> None:
    request = POST + b"content-length: 3\r\n\r\nabc"
    answer, _ = _exchange(*[request] * 6, pause_s=0.15)
    assert answer.count(b"HTTP/1.1 200 OK") == 6


def test_time_spent_on_an_earlier_request_is_not_the_client_s() -> None:
    late = b"GET /late HTTP/1.1\r\nhost: x\r\n\r\n"
    second = POST + b"content-length: 3\r\n\r\n"
    answer, _ = _exchange(late + second + b"a", b"bc", pause_s=0.5)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_connections_beyond_the_limit_are_told_so() -> None:
    async def talk() -> bytes:
        with contextlib.ExitStack() as stack:
            async with Served() as served:
                for _ in range(LIMITS.connections):
                    stack.enter_context(await served.connect())
                return await served.exchange(b"")

    assert virtual_time.run(talk()).startswith(b"HTTP/1.1 503 ")


def test_an_answer_that_nobody_reads_is_dropped() -> None:
    async def talk() -> None:
        async with Served() as served:
            with await served.connect() as connection:
                connection.send(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
                await asyncio.sleep(0.2)
                assert served.state.connections
                await asyncio.sleep(0.8)
                assert not served.state.connections

    virtual_time.run(talk())


def test_an_answer_that_is_read_slowly_arrives_whole() -> None:
    async def talk() -> int:
        loop, received = asyncio.get_running_loop(), 0
        async with Served() as served:
            with await served.connect() as connection:
                ask = b"GET /big HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
                connection.send(ask)
                while piece := await loop.sock_recv(connection, 1 << 20):
                    received += len(piece)
                    await asyncio.sleep(0.02)
        return received

    assert virtual_time.run(talk()) > BIG_ANSWER
