"""REST for an event loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar, cast

import httpx

from ..calls import AsyncTransport, RestAnswer, RestCall
from ..config import ClientConfig
from .exchange import RestExchange

T = TypeVar("T")

if sys.version_info >= (3, 11):

    async def _within(timeout_s: float, answer: Awaitable[T]) -> T:
        """Waits that long; raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s):
            return await answer

else:

    async def _within(timeout_s: float, answer: Awaitable[T]) -> T:
        """Waits that long, in a task of its own; raises `TimeoutError`."""
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except asyncio.TimeoutError:  # not yet the same
            raise TimeoutError from None


class AsyncRestTransport(AsyncTransport[RestCall, RestAnswer]):
    """Connections that are kept; they belong to the event loop of the calls."""

    def __init__(self, config: ClientConfig) -> None:
        self._exchange = RestExchange(config, httpx.AsyncHTTPTransport)

    async def send(self, call: RestCall, timeout_s: float) -> RestAnswer:
        request = self._exchange.request(call, timeout_s)
        connection = self._exchange.connections.take()
        is_usable = False
        try:
            response, content = await _within(
                timeout_s, self._exchanged(connection, request)
            )
            is_usable = True
        except (httpx.TransportError, OSError) as error:  # OSError: TLS, time-out
            raise self._exchange.transport_error(error, request, timeout_s) from None
        finally:
            for ended in self._exchange.connections.give_back(connection, is_usable):
                await ended.aclose()
        return self._exchange.answer(request, response, content)

    async def close(self) -> None:
        """Later calls raise `CancelledError`; those that wait are answered."""
        for connection in self._exchange.connections.drain():
            await connection.aclose()

    async def _exchanged(
        self, connection: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> tuple[httpx.Response, bytes]:
        response = await connection.handle_async_request(request)
        return response, await self._read(response)

    async def _read(self, response: httpx.Response) -> bytes:
        chunks, size_bytes = [], 0
        pieces = cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
        try:
            async for chunk in pieces:
                chunks.append(chunk)
                size_bytes += len(chunk)
                self._exchange.check_size(size_bytes)
        finally:
            # Where the limit ends it: nobody else would wait for its end.
            await pieces.aclose()
            await response.aclose()
        return b"".join(chunks)
