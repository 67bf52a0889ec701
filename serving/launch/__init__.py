"""How a model server is chosen, told what to serve, started and ended."""

from serving.launch.engines import EngineError
from serving.launch.running_server import (
    RunningServer,
    ServerStartError,
    start_server,
)

__all__ = ["EngineError", "RunningServer", "ServerStartError", "start_server"]
