"""How much memory the bodies of REST requests may take, all together."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from concurrent import futures
from typing import Any

from serving.server import native_memory
from serving.server.status import Code, StatusError, invalid_argument

MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
# JSON of this size takes twenty times as much while it is read.
LARGE_BYTES = 16 * 1024 * 1024
MAX_LARGE = 2

Receive = Callable[[], Awaitable[dict[str, Any]]]


class BodyMemory:
    """Counts the bytes of all bodies; lets few large ones be worked on at once."""

    def __init__(
        self, total_bytes: int = MAX_TOTAL_BYTES, max_large: int = MAX_LARGE
    ) -> None:
        self.held_bytes = 0
        self.large = asyncio.Semaphore(max_large)
        self._total_bytes = total_bytes
        # Not the loop's own threads: a reload may keep all of those waiting.
        self._threads = futures.ThreadPoolExecutor(max_large, "gzip")

    def take(self, size: int) -> None:
        """Counts `size` more bytes.

        Raises:
            StatusError: RESOURCE_EXHAUSTED.
        """
        if self.held_bytes + size > self._total_bytes:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED,
                f"The server holds {self.held_bytes} bytes of other requests; try "
                "again later, or send smaller ones.",
            )
        self.held_bytes += size

    async def unpack(self, unpacker: Any, data: bytes, max_bytes: int) -> bytes:
        """Unpacks so many bytes of `data`, without keeping the loop.

        Raises:
            StatusError: it is not gzip.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, _step, unpacker, data, max_bytes
        )

    def leave_large(self) -> None:
        """Gives a place in `large` to the next, and free memory to the system."""
        self.large.release()
        # What a large body took adds up to gigabytes with time.
        self._threads.submit(native_memory.give_back)


class HeldBody:
    """The body of one request, and what it takes; `release` it with the answer."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._bytes = 0
        self._is_large = False

    async def read(self, receive: Receive) -> bytes | None:
        """Reads the whole body; None when the client went away before its end.

        Raises:
            StatusError: RESOURCE_EXHAUSTED.
        """
        chunks, has_more = [], True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunks.append(message.get("body", b""))
            self._take(len(chunks[-1]))
            has_more = message.get("more_body", False)
        if self._bytes > LARGE_BYTES:
            await self._enter_large()
        return b"".join(chunks)

    async def unpack(self, body: bytes) -> bytes:
        """Unpacks the body behind `Content-Encoding: gzip`.

        Raises:
            StatusError: it is not gzip, larger than 100 MiB unpacked, or too much for
                the server now.
        """
        unpacker = zlib.decompressobj(wbits=31)
        content = await self._memory.unpack(unpacker, body, LARGE_BYTES)
        self._take(len(content))
        if rest := unpacker.unconsumed_tail:
            await self._enter_large()
            left = MAX_UNPACKED_BYTES - len(content)
            self._take(left)
            more = await self._memory.unpack(unpacker, rest, left)
            self._take(len(more) - left)
            content += more
        if unpacker.unconsumed_tail:
            raise invalid_argument(
                f"The gzip body is larger than {MAX_UNPACKED_BYTES} bytes unpacked."
            )
        if body and not unpacker.eof:
            raise invalid_argument(
                "Failed to decompress the gzip body: it ends too early."
            )
        return content

    def release(self) -> None:
        """Gives everything back."""
        self._memory.held_bytes -= self._bytes
        self._bytes = 0
        if self._is_large:
            self._is_large = False
            self._memory.leave_large()

    async def _enter_large(self) -> None:
        if not self._is_large:
            await self._memory.large.acquire()
            self._is_large = True

    def _take(self, size: int) -> None:
        self._memory.take(size)
        self._bytes += size


def _step(unpacker: Any, data: bytes, max_bytes: int) -> bytes:
    try:
        return bytes(unpacker.decompress(data, max_bytes))
    except zlib.error as error:
        raise invalid_argument(f"Failed to decompress the gzip body: {error}") from None
