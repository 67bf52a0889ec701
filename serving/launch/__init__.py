"""How a model server is chosen, told what to serve, started and ended."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.launch.engines import EngineError
    from serving.launch.running_server import (
        RunningServer,
        ServerStartError,
        start_server,
    )

__all__ = ["EngineError", "RunningServer", "ServerStartError", "start_server"]


def __getattr__(name: str) -> object:
    """Finds a public name in its module, imported when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "engines" if name == "EngineError" else "running_server"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
