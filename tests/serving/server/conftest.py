"""Servers that a test starts and need not stop."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.serving.fakes import FakeServer


@pytest.fixture
def started() -> Iterator[Callable[..., FakeServer]]:
    """Starts servers that need not get ready, and stops them."""
    servers: list[FakeServer] = []

    def start(*args: Any, **settings: Any) -> FakeServer:
        servers.append(FakeServer(*args, **settings))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
