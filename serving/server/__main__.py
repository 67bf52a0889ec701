"""`python -m serving.server`: tensorflow_model_server's command line."""

import importlib.metadata
import logging
import os
import signal
import sys
from collections.abc import Sequence

from serving.server import native_memory
from serving.server.app import ServerApp
from serving.server.flags import ServerFlags, parse_flags, usage
from serving.server.listeners.ports import PortError, raise_file_limit
from serving.server.models.swapping import Loader
from serving.server.status import StatusError

FAILURE = 255

log = logging.getLogger("serving.server")


def main(arguments: Sequence[str] | None = None, loader: Loader | None = None) -> int:
    """Runs a server until SIGTERM or SIGINT and returns the exit status."""
    try:
        flags, unknown = parse_flags(sys.argv[1:] if arguments is None else arguments)
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
    return _serve(flags, loader)


class _Signals:
    """What the process was told since. SIGHUP asks for fresh files, once each time."""

    def __init__(self) -> None:
        # No Event here: setting one in a handler waits for ever when the handler has
        # interrupted the main thread while that holds the Event's lock.
        self._received: list[int] = []
        numbers = [signal.SIGTERM, signal.SIGHUP]
        # Ignored from the start (nohup, a script's &): a Ctrl-C is meant for others.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            numbers.append(signal.SIGINT)
        for number in numbers:
            signal.signal(number, lambda received, _: self._received.append(received))

    def should_stop(self) -> bool:
        return not {signal.SIGTERM, signal.SIGINT}.isdisjoint(self._received)

    def should_refresh(self) -> bool:
        if signal.SIGHUP not in self._received:
            return False
        self._received.remove(signal.SIGHUP)
        return True


def _serve(flags: ServerFlags, loader: Loader | None) -> int:
    signals = _Signals()
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


if __name__ == "__main__":
    ended = main()
    logging.shutdown()
    sys.stdout.flush()
    # At once: an ordinary exit waits for every thread, also for one whose run hangs.
    os._exit(ended)
