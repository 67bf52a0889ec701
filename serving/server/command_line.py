"""tensorflow_model_server's command line, from its words to its exit status."""

import importlib.metadata
import logging
import sys
from collections.abc import Sequence

from serving.server import native_memory
from serving.server.app import ServerApp
from serving.server.flags import ServerFlags, parse_flags, usage
from serving.server.listeners.ports import PortError, raise_file_limit
from serving.server.models.swapping import Loader
from serving.server.signals import Signals
from serving.server.status import StatusError

FAILURE = 255

log = logging.getLogger("serving.server")


def run(arguments: Sequence[str], loader: Loader | None, signals: Signals) -> int:
    """Runs a server until it is told to stop, and returns the exit status."""
    try:
        flags, unknown = parse_flags(arguments)
    except ValueError as error:
        print(f"{error}\n{usage()}")
        return FAILURE
    if "--help" in unknown:
        print(usage())
        return 0
    if flags.version:
        ours, library = _version("keras-transformer-pipeline"), _version("tensorflow")
        print(f"TensorFlow ModelServer: {ours} (embedded)")
        print(f"TensorFlow Library: {library}")
        return 0
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    _warn(flags, unknown)
    native_memory.limit_arenas()
    raise_file_limit()
    return _serve(flags, loader, signals)


def _serve(flags: ServerFlags, loader: Loader | None, signals: Signals) -> int:
    try:
        app = ServerApp(flags, loader)
        app.start()
    except (StatusError, PortError) as error:
        return _failed(error)
    try:
        app.run_until(signals.should_stop, signals.should_refresh)
    except (StatusError, PortError) as error:
        return _failed(error)
    finally:
        app.stop()
    return 0


def _failed(error: Exception) -> int:
    # Upstream says it on stdout; logs are on stderr.
    print(f"Failed to start server. Error: {error}", flush=True)
    log.error("Failed to start server. Error: %s", error)
    return FAILURE


def _warn(flags: ServerFlags, unknown: Sequence[str]) -> None:
    for argument in unknown:
        print(f"unknown argument: {argument}")
    if unknown:
        print(f"Flags are written --name=value.\n{usage()}", flush=True)
    for name in flags.ineffective():
        log.warning("--%s has no effect in the embedded server.", name)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
