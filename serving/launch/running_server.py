"""Starts a model server as a child process and takes it down again."""

import atexit
import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from model import contract
from serving.client import Client
from serving.client.config import TlsConfig
from serving.launch import engines, process
from serving.launch.engines import Engine, EngineChoice, EngineCommand
from serving.launch.log_folder import LogFolder
from serving.launch.model_folder import check_versions, why_nothing_loads
from serving.launch.readiness import ModelState, StatusProbe, first_token
from serving.launch.settings import SECRET_FILE, EngineSettings
from serving.server.models.config import ModelEntry

STOP_LIMIT_S = 30.0
POLL_S = 0.1
PROGRESS_S = 5.0
LOG_LINES_SHOWN = 15
LOG_LINE_CHARS = 80
_LOG_TAIL_BYTES = 64 * 1024


class ServerStartError(RuntimeError):
    """The server ended, or did not become ready; the message quotes its log."""


class RunningServer:
    """A server that was started. Use as a context manager, or call `stop`.

    Attributes:
        grpc_endpoint: `HOST:PORT` of gRPC.
        rest_endpoint: `HOST:PORT` of REST.
        notes: what may surprise with this engine.
        failures: the error of every model that is not served although the server is
            ready for the others.
    """

    def __init__(
        self, command: EngineCommand, settings: EngineSettings, folder: LogFolder
    ) -> None:
        self.engine = command.engine
        self.notes = command.notes
        self.settings = settings
        self.grpc_endpoint = f"localhost:{settings.flags.port}"
        self.rest_endpoint = f"localhost:{settings.flags.rest_api_port}"
        self.log_path = folder.path / "server.log"
        self.failures: dict[str, str] = {}
        self._command = command
        self._folder = folder
        self._process = process.spawn(command, self.log_path)
        atexit.register(self.stop)

    @property
    def has_rest_tls(self) -> bool:
        """Whether REST is encrypted, too; TF Serving encrypts gRPC alone."""
        is_wanted = self.settings.flags.rest_api_enable_tls
        return is_wanted and self.engine is Engine.EMBEDDED

    @property
    def process_id(self) -> int:
        """The id of the server, or of the container tool that runs it."""
        return self._process.pid

    def client(self, **settings: Any) -> Client:
        """Opens a gRPC client of this server, for its first model unless told."""
        known: dict[str, Any] = {"model_name": self.settings.models[0].name}
        if self.settings.tls is not None:
            known["tls"] = TlsConfig(ca_path=self.settings.tls.certificate_path)
        if token := first_token(self.settings.flags.bearer_token_file):
            known["token"] = token
        return Client(self.grpc_endpoint, **{**known, **settings})

    def wait_until_ready(
        self,
        timeout_s: float = 180.0,
        show: Callable[[str], object] | None = None,
        progress_s: float = PROGRESS_S,
    ) -> Self:
        """Returns once every model has a version AVAILABLE or has failed.

        Args:
            timeout_s: when it is over, one model that is AVAILABLE is enough.
            show: gets a line on how far loading is, every `progress_s`.
            progress_s: nothing is shown for a server that is quicker.

        Raises:
            ServerStartError: the server ended, all models failed, or time is up.
        """
        probe = StatusProbe(self.settings)
        started = time.monotonic()
        next_line_s = progress_s
        while True:
            states = {m.name: probe.ask(m.name) for m in self.settings.models}
            waited_s = time.monotonic() - started
            if self._is_ready(states, is_late=waited_s >= timeout_s):
                return self
            if waited_s >= timeout_s:
                last = "; ".join(
                    f"{name}: {state.text}" for name, state in states.items()
                )
                raise self._start_error(f"was not ready after {timeout_s:g} s: {last}")
            if show is not None and waited_s >= next_line_s:
                next_line_s += progress_s
                show(self._progress(states, waited_s))
            time.sleep(POLL_S)

    def _is_ready(self, states: Mapping[str, ModelState], is_late: bool) -> bool:
        if self._process.poll() is not None:
            raise self._start_error(_how_it_ended(self._process.returncode))
        if all(state.error is not None for state in states.values()):
            raise self._start_error(_reasons(states))
        self.failures = {
            name: state.error or state.text
            for name, state in states.items()
            if not state.is_available
        }
        is_any = len(self.failures) < len(states)
        return is_any and (is_late or all(each.is_settled for each in states.values()))

    def _progress(self, states: Mapping[str, ModelState], waited_s: float) -> str:
        lacks = {m.name: why_nothing_loads(m) for m in self.settings.models}
        waiting = [
            f"{name}: {lacks[name] or state.text}"
            for name, state in states.items()
            if not state.is_settled
        ]
        # An access log may be in it, too, and holds our own questions.
        log = [one for one in log_tail(self.log_path, 20) if not one.startswith("{")]
        last = f"  log: {log[-1][:LOG_LINE_CHARS]}" if log else ""
        return f"  {waited_s:.0f} s: {'; '.join(waiting)}{last}"

    def wait(self) -> int:
        """Blocks until the server ends by itself; gives its exit status."""
        # In one long wait, a Ctrl-C that comes just before it would go unnoticed.
        while (status := self._process.poll()) is None:
            time.sleep(POLL_S)
        self._folder.keeps_log = True
        return status

    def stop(self, limit_s: float = STOP_LIMIT_S) -> None:
        """Lets running requests finish, then makes sure that nothing is left.

        Of a server that failed or ended by itself, the log is.

        An interruption (a second Ctrl-C) ends the waiting, not the server's end.
        """
        atexit.unregister(self.stop)
        try:
            if self._process.poll() is None:
                self._process.terminate()
                # Past the limit it gets what the whole group gets, below.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(limit_s)
        finally:
            process.kill_group(self._process.pid)
            self._process.wait()
            process.clean_up(self._command)
            # No copy of the private key stays beside the log.
            (self.log_path.parent / SECRET_FILE).unlink(missing_ok=True)
            self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _start_error(self, what: str) -> ServerStartError:
        self._folder.keeps_log = True
        lines = log_tail(self.log_path, LOG_LINES_SHOWN)
        tail = "\n".join(f"  {line}" for line in lines)
        return ServerStartError(
            f"The {self.engine} server {what}. Its log is {self.log_path}, and ends "
            f"with:\n{tail}"
        )


def start_server(
    base_path: str | os.PathLike[str],
    *,
    model_name: str = contract.MODEL_NAME,
    engine: Engine | str = Engine.AUTO,
    log_dir: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> RunningServer:
    """Starts serving the version directories below `base_path`; does not wait.

    Args:
        base_path: holds `1/`, `2/`, ... with SavedModels.
        model_name: what clients call it.
        engine: see `serving.launch.engines.choose_engine`.
        log_dir: where log and configuration go; if None, a temporary folder that goes
            with the server.
        settings: the other fields of `serving.launch.settings.EngineSettings`, and any
            flag of `serving.server.flags.ServerFlags`.

    Raises:
        ValueError: a setting is wrong, or there is no version directory.
        EngineError: no engine.
        ServerStartError: a port is taken.
    """
    model = ModelEntry(name=model_name, base_path=os.fspath(base_path))
    wanted = EngineSettings.of((model,), **settings)
    return start(wanted, engines.choose_engine(engine, wanted.only_embedded), log_dir)


def start(
    settings: EngineSettings,
    choice: EngineChoice,
    log_dir: str | os.PathLike[str] | None = None,
) -> RunningServer:
    """Starts an engine that `choose_engine` chose; does not wait.

    Raises:
        ValueError: a model of ours has no version directory, a file cannot be read.
        EngineError: the engine cannot do it.
        ServerStartError: a port is taken.
    """
    notes: list[str] = []
    for model in settings.models:
        if not (model.is_remote or settings.flags.model_config_file):
            notes += check_versions(model)
    port, rest_api_port = _ports(settings)
    flags = dataclasses.replace(settings.flags, port=port, rest_api_port=rest_api_port)
    known = dataclasses.replace(settings, flags=flags)
    try:
        with contextlib.ExitStack() as on_failure:
            folder = LogFolder(log_dir)
            on_failure.callback(folder.close)
            on_failure.callback((folder.path / SECRET_FILE).unlink, missing_ok=True)
            command = engines.command(choice.engine, known, folder.path)
            command = dataclasses.replace(command, notes=(*command.notes, *notes))
            engines.seen_by(choice.engine, known).write_files(folder.path)
            server = RunningServer(command, known, folder)
            on_failure.pop_all()
            return server
    except OSError as error:
        place = log_dir or tempfile.tempdir or "the temporary folder"
        raise ServerStartError(
            f"The server could not be started: {error}\n"
            f"Its log and settings, a few KiB, go below {place}; --log-dir (log_dir), "
            "or TMPDIR, names another place."
        ) from None


def log_tail(path: pathlib.Path, count: int) -> list[str]:
    """Reads the last lines of a log that may be large."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LOG_TAIL_BYTES, 0))
        return file.read().decode("utf-8", "replace").splitlines()[-count:]


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with {status}"
    return f"was ended by {signal.Signals(-status).name}"


def _reasons(states: Mapping[str, ModelState]) -> str:
    if len(states) == 1:
        (only,) = states.values()
        return f"could not load the model: {only.error}"
    each = "; ".join(f"{name}: {state.error}" for name, state in states.items())
    return f"could not load any model: {each}"


def _ports(settings: EngineSettings) -> tuple[int, int]:
    """Finds the wanted ports, or free ones, told apart from each other."""
    with (
        _reserve("port", settings.flags.port) as grpc_socket,
        _reserve("rest_api_port", settings.flags.rest_api_port) as rest_socket,
    ):
        return grpc_socket.getsockname()[1], rest_socket.getsockname()[1]


def _reserve(name: str, port: int) -> socket.socket:
    try:
        # It listens, which shows a conflict that binding with SO_REUSEADDR does not.
        return socket.create_server(("", port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ServerStartError(
            f"{name} {port} cannot be used ({reason}). Stop what uses it, or choose "
            f"another {name}; 0 takes a free one."
        ) from None
