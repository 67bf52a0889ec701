"""How to ask a running model: over gRPC or REST, waiting or on an event loop.

The names below are imported when they are first used: a caller that waits does not pay
for asyncio, nor one that asks over gRPC for HTTP.
"""

# ruff: noqa: F403, F405
# (ruff does not follow the star; a test compares the list with the errors' own.)
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .asynchronous import AsyncClient
    from .blocking import Client
    from .config import ClientConfig, TlsConfig
    from .errors import *
    from .prediction import Prediction

_HOMES = {
    "AsyncClient": "asynchronous",
    "Client": "blocking",
    "ClientConfig": "config",
    "Prediction": "prediction",
    "TlsConfig": "config",
}

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "AsyncClient",
    "CancelledError",
    "Client",
    "ClientConfig",
    "CodecError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidResponseError",
    "MessageTooLargeError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "Prediction",
    "ResourceExhaustedError",
    "ServingError",
    "TlsConfig",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
]


def __getattr__(name: str) -> object:
    """Finds a public name in the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(module, name)
