"""How to ask a running model: over gRPC or REST, waiting or on an event loop.

The names in `_HOMES` are imported when they are first used: a caller that waits does
not pay for asyncio, nor one that asks over gRPC for HTTP.
"""

import importlib
from typing import TYPE_CHECKING

from serving.client import errors
from serving.client.errors import *  # noqa: F403

if TYPE_CHECKING:
    from serving.client.asynchronous import AsyncClient
    from serving.client.blocking import Client
    from serving.client.config import ClientConfig, TlsConfig

_HOMES = {
    "AsyncClient": "asynchronous",
    "Client": "blocking",
    "ClientConfig": "config",
    "TlsConfig": "config",
}

__all__ = ["AsyncClient", "Client", "ClientConfig", "TlsConfig", *errors.__all__]


def __getattr__(name: str) -> object:
    """Finds a public name in the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
