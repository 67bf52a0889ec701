"""HTTP connections that cannot hold the server up: slow, endless, or never read.

uvicorn waits for ever for a request that has begun, keeps as many headers as it is
sent, and for ever offers an answer that nobody reads.
"""

import asyncio
import dataclasses
import logging
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.server.json_format.answer import error_answer

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """What one connection may take. A body gets `body_s` and a second per 500 bytes."""

    head_bytes: int = 64 * 1024
    head_s: float = 20.0
    body_bytes: int = 256 * 1024 * 1024
    body_s: float = 20.0
    body_bytes_per_s: float = 500.0
    unread_s: float = 60.0
    connections: int = 10_000


def process_limits(body_bytes: int) -> HttpLimits:
    """Returns the limits that the process has: half of its files are for gRPC."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = min(HttpLimits.connections, files // 2)
    return HttpLimits(body_bytes=body_bytes, connections=connections)


def guarded_protocol(limits: HttpLimits) -> type[HttpToolsProtocol]:
    """Makes the class for `uvicorn.Config(http=...)`, with these limits."""
    return type("GuardedProtocol", (GuardedProtocol,), {"limits": limits})


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to patience.

    No timer runs for a request that arrives in one piece.
    """

    limits = HttpLimits()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._is_refused = False
        self._frame_bytes = self._body_bytes = 0
        self._is_head, self._is_whole = True, False
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._begun_s = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "The server has too many connections.")
        else:
            self._wait(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._patience, self._unread):
            if timer is not None:
                timer.cancel()
        # uvicorn leaves it running, with all it refers to, after a reset.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._frame_bytes += len(data)
        super().data_received(data)
        if self._is_refused or self.transport.is_closing():
            return
        # Chunks of one byte bring six of framing; the rest is headers or trailers.
        frame_bytes = self._frame_bytes - (1 + 8) * self._body_bytes
        if not self._is_whole and frame_bytes > self.limits.head_bytes:
            self._refuse(
                431, f"The headers have more than {self.limits.head_bytes} bytes."
            )
        elif self._is_whole:
            self._stop_waiting()
        elif self._patience is None:
            self._wait(self.limits.head_s if self._is_head else self.limits.body_s)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun_s = self.loop.time()
        self._is_head, self._is_whole = True, False
        self._body_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_head = False
        self._begun_s = self.loop.time()
        length = dict(self.headers).get(b"content-length", b"0")
        # The parser has seen to it that these are digits.
        if int(length) > self.limits.body_bytes:
            self._refuse_body()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._is_refused:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self.limits.body_bytes:
            self._refuse_body()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._frame_bytes = 0
        if not self._is_refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            # A polite close would wait for a reader.
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _wait(self, seconds: float) -> None:
        self._patience = self.loop.call_later(seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_whole or self.transport.is_closing():
            return
        if self.flow.read_paused:
            # Ours to wait for: an earlier request on this connection is not answered.
            self._begun_s = self.loop.time()
        allowed_s = self.limits.head_s
        if not self._is_head:
            rate = self.limits.body_bytes_per_s
            allowed_s = self.limits.body_s + self._body_bytes / rate
        left_s = self._begun_s + allowed_s - self.loop.time()
        if left_s > 0:
            self._wait(left_s)
        else:
            self._refuse(408, "The request did not arrive in time.")

    def _watch_reader(self, buffered: int) -> None:
        def check() -> None:
            now = self.transport.get_write_buffer_size()
            if now >= buffered:
                self.transport.abort()
            else:
                self._watch_reader(now)

        self._unread = self.loop.call_later(self.limits.unread_s, check)

    def _refuse_body(self) -> None:
        self._refuse(
            413,
            f"The body has more than {self.limits.body_bytes} bytes; the server's "
            "--rest_api_max_body_bytes allows no more, and gRPC takes 2 GiB.",
        )

    def _refuse(self, status: int, message: str) -> None:
        self._is_refused = True
        self._stop_waiting()
        log.info("Closed the connection of %s: %s", self.client, message)
        content = error_answer(message)
        head = (
            b"content-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(content)
        )
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(STATUS_LINE[status] + head + content)
        self.transport.close()
