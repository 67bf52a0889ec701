"""REST connections that are slow, endless, or never read."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from serving.server.rest_api.connection_limits import HttpLimits, guarded_protocol

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


@contextlib.contextmanager
def _served(limits: HttpLimits) -> Iterator[tuple[int, uvicorn.Server]]:
    config = uvicorn.Config(
        _app, http=guarded_protocol(limits), lifespan="off", log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener]))
    )
    thread.start()
    yield listener.getsockname()[1], server
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with little patience."""
    with _served(LIMITS) as (port, _):
        yield port


def _exchange(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back until the server closes, or a little after the last piece."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.7) as connection:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(pause_s)
            # A refusal may come before the end of what was to be said.
            with contextlib.suppress(ConnectionError):
                connection.sendall(piece)
        received = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while piece := connection.recv(65536):
                received += piece
        return received


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
    port: int, pieces: list[bytes], pause_s: float, status: int
) -> None:
    started = time.monotonic()
    answer = _exchange(port, *pieces, pause_s=pause_s)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    if status != 200:
        assert b'"error": "' in answer
        assert time.monotonic() - started < 1.5


def test_a_slow_request_that_keeps_its_pace_is_answered(port: int) -> None:
    pieces = [POST + b"content-length: 15000\r\n\r\n", *[b"x" * 1_500] * 10]
    assert _exchange(port, *pieces, pause_s=0.1).count(b"\r\n15000\r\n")


def test_several_requests_in_one_piece_are_all_answered(port: int) -> None:
    answer = _exchange(port, (POST + b"content-length: 100\r\n\r\n" + b"x" * 100) * 200)
    assert answer.count(b"HTTP/1.1 200 OK") == 200


def test_one_connection_may_be_used_for_longer_than_one_request_may_take(
    port: int,
) -> None:
    request = POST + b"content-length: 3\r\n\r\nabc"
    answer = _exchange(port, *[request] * 6, pause_s=0.15)
    assert answer.count(b"HTTP/1.1 200 OK") == 6


def test_time_spent_on_an_earlier_request_is_not_the_client_s(port: int) -> None:
    late = b"GET /late HTTP/1.1\r\nhost: x\r\n\r\n"
    second = POST + b"content-length: 3\r\n\r\n"
    answer = _exchange(port, late + second + b"a", b"bc", pause_s=0.5)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_connections_beyond_the_limit_are_told_so(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(LIMITS.connections):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert _exchange(port, b"").startswith(b"HTTP/1.1 503 ")


def test_an_answer_that_nobody_reads_is_dropped() -> None:
    with (
        _served(LIMITS) as (port, server),
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        connection.sendall(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.2)
        assert server.server_state.connections
        time.sleep(0.8)
        assert not server.server_state.connections


def test_an_answer_that_is_read_slowly_arrives_whole() -> None:
    with (
        _served(LIMITS) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
    ):
        connection.sendall(b"GET /big HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        received = 0
        while piece := connection.recv(1 << 20):
            received += len(piece)
            time.sleep(0.02)
    assert received > BIG_ANSWER
