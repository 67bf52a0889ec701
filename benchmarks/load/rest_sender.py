"""Sends over HTTP/1.1 with kept-alive connections.

A client library costs more per request than a small model: one that only knows what a
TF Serving API answers (a status, a length or chunks, a body) leaves the cores to the
server.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

from benchmarks.load import payloads
from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import SendError

CLOSED, REFUSED, TIMEOUT = "connection closed", "not connected", "no answer in time"


class RestSender:
    """A connection for each request in flight; idle ones are used again."""

    def __init__(self, config: LoadConfig, texts: Sequence[str]) -> None:
        self._payloads = payloads.rest_payloads(config, texts)
        self._rows = config.texts_per_request
        self._deadline_s = config.deadline_s
        host, _, port = config.endpoint.rpartition(":")
        self._address = (host.strip("[]") or "localhost", int(port))
        self._idle: list[_Connection] = []

    async def send(self, number: int) -> bytes:
        payload = self._payloads[number % len(self._payloads)]
        connection = self._take() or await self._connect()
        loop = asyncio.get_running_loop()
        answer = connection.ask(payload)
        timer = loop.call_later(self._deadline_s, connection.give_up)
        try:
            status, body = await answer
        finally:
            timer.cancel()
            if not answer.done():  # nobody waits any more: the answer would be stray
                connection.close()
        if connection.is_open:
            self._idle.append(connection)
        if status != 200:
            raise SendError(f"HTTP {status}", body[:300].decode(errors="replace"))
        return body

    def check(self, answer: bytes) -> None:
        payloads.check_rest(answer, self._rows)

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()

    def _take(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline_s):
                _, connection = await loop.create_connection(
                    _Connection, *self._address
                )
        except (OSError, TimeoutError) as error:
            raise SendError(REFUSED, str(error)) from None
        return connection


class _Connection(asyncio.Protocol):
    """One connection with at most one question on its way."""

    is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one without being an instance of the class.
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.is_open = True

    def ask(self, payload: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(payload)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            parsed = parse_answer(self._received)
        except ValueError as error:
            self._fail("not HTTP", str(error))
            return
        if parsed is None:
            return
        status, body, keep_alive = parsed
        self._received = b""
        if not keep_alive:
            self.close()
        self._finish((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._fail(CLOSED, str(error or "by the server, before it answered"))

    def give_up(self) -> None:
        self._fail(TIMEOUT, "the deadline has passed")

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def _fail(self, kind: str, detail: str) -> None:
        self.close()
        self._finish(SendError(kind, detail))

    def _finish(self, result: "tuple[int, bytes] | SendError") -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if isinstance(result, SendError):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def parse_answer(data: bytes) -> tuple[int, bytes, bool] | None:
    """Status, body and whether the connection stays; None while bytes are missing.

    Raises:
        ValueError: this is not an HTTP/1.1 answer with a length or in chunks.
    """
    if not b"HTTP/1.1 ".startswith(data[:9]):
        raise ValueError(f"the answer begins with {data[:40]!r}")
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    headers = head.lower()
    keep_alive = b"\r\nconnection: close" not in headers
    status = int(data[9:12])
    _, found, value = headers.partition(b"\r\ncontent-length:")
    if found:
        length = int(value.partition(b"\r\n")[0])
        return (status, rest, keep_alive) if len(rest) >= length else None
    if b"\r\ntransfer-encoding: chunked" in headers:
        body = _join_chunks(rest)
        return None if body is None else (status, body, keep_alive)
    raise ValueError("the answer has neither a length nor chunks")


def _join_chunks(data: bytes) -> bytes | None:
    parts: list[bytes] = []
    while True:
        size, separator, data = data.partition(b"\r\n")
        if not separator:
            return None
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            return b"".join(parts) if data.endswith(b"\r\n") else None
        if len(data) < length + 2:
            return None
        parts.append(data[:length])
        data = data[length + 2 :]
