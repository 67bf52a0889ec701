"""Every way to ask, for tests that wait: so both clients meet the same tests."""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

from serving.client import AsyncClient, Client
from tests.support.serving.fakes import FakeServer
from tests.support.serving.stub_servers import GOOD, STUBS, Script


class BlockingClient:
    """An `AsyncClient` on an event loop in a thread; calls wait for their answers."""

    def __init__(self, endpoint: str, **settings: Any) -> None:
        self._client = AsyncClient(endpoint, **settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if inspect.isasyncgenfunction(member):
            return lambda *args: iter(self._run(_collect(member(*args))))
        return self._waiting(member) if callable(member) else member

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._run(method(*args, **kwargs))

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


CLIENTS: dict[str, tuple[Any, str]] = {
    "grpc": (Client, "grpc"),
    "rest": (Client, "rest"),
    "async-grpc": (BlockingClient, "grpc"),
    "async-rest": (BlockingClient, "rest"),
}
"""Class and transport of every way to ask."""


def connected(over: str, server: FakeServer) -> Any:
    """A client for the server; patient, but not stubborn."""
    client_class, kind = CLIENTS[over]
    endpoint = server.rest_endpoint if kind == "rest" else server.grpc_endpoint
    return client_class(endpoint, transport=kind, retries=0, deadline_s=10)


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


def like(client: Any, **settings: Any) -> Any:
    """Another client of the same kind, for the same server."""
    transport = str(client.config.transport)
    return type(client)(client.config.endpoint, transport=transport, **settings)


async def _collect(generator: Any) -> list[Any]:
    return [item async for item in generator]
