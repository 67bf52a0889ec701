"""The server as a whole: load, open the ports, serve, drain."""

import logging
import time
from collections.abc import Callable

from serving.server.batching.scheduler import Scheduler
from serving.server.event_loop import EventLoopThread
from serving.server.flags import ServerFlags
from serving.server.listeners.grpc_and_rest import Transports
from serving.server.loading.loader import SavedModelLoader
from serving.server.models.config import entries_from_flags, read_config_file
from serving.server.models.health import Health
from serving.server.models.manager import ModelManager
from serving.server.models.swapping import Loader
from serving.server.observation.from_flags import Observation
from serving.server.requests.handler import RequestHandler
from serving.server.status import StatusError, invalid_argument

log = logging.getLogger(__name__)

TICK_S = 0.1


class ServerApp:
    """One server process. `start`, then `run_until`, then `stop`.

    As upstream's, its ports open when every model has been loaded, and connections are
    refused until then. With `--open_ports_at_once` they open at the start: until a
    model is there, requests get UNAVAILABLE and the health check NOT_SERVING.
    """

    def __init__(self, flags: ServerFlags, loader: Loader | None = None) -> None:
        """Raises `StatusError` for flags, files and models that cannot be."""
        try:
            flags.check()
        except ValueError as error:
            raise invalid_argument(str(error)) from None
        self._flags = flags
        self._loader = loader or SavedModelLoader(
            flags, lambda *run: self.observation.metrics.on_warmup_file(*run)
        )
        self.manager = ModelManager(self._loader, flags)
        self.manager.configure(entries_from_flags(flags))
        self.health = Health(self.manager)
        self.observation = Observation(
            flags,
            self.manager,
            in_flight=lambda: self._handler.in_flight,
            waiting=lambda: self._scheduler.waiting,
        )
        metrics = self.observation.metrics
        self._scheduler = Scheduler(flags.grpc_max_threads, metrics.on_batch)
        self._handler = RequestHandler(
            self.manager,
            self._scheduler,
            self.observation.observers,
            samples=self.observation.request_logger,
            check_method_name=flags.enable_signature_method_name_check,
        )
        self._transports = Transports(
            flags, self._handler, self.health, self.observation
        )
        self._loop: EventLoopThread | None = None

    def start(self) -> None:
        """Gets ready to listen, and says at once what would not work later.

        Raises:
            StatusError: certificates that cannot be used.
            PortError: a port is taken; nothing is left running.
        """
        loop = EventLoopThread()
        try:
            loop.call(self._transports.prepare())
            if self._flags.open_ports_at_once:
                loop.call(self._transports.open())
        except BaseException:
            loop.stop()
            raise
        self._loop = loop

    def run_until(
        self,
        should_stop: Callable[[], bool],
        should_refresh: Callable[[], bool] = lambda: False,
    ) -> None:
        """Loads, watches and swaps models until it is told to stop.

        Args:
            should_stop: asked ten times a second.
            should_refresh: likewise; True has the configuration read again, and the
                logs go on in new files.

        Raises:
            StatusError: a model of the start has failed for good.
            PortError: somebody took a port while the models were loading.
        """
        polls = _Timer(self._flags.file_system_poll_wait_seconds)
        reads = _Timer(self._flags.model_config_file_poll_wait_seconds, first=False)
        while not should_stop():
            if should_refresh():
                self.observation.reopen()
                self._read_configuration()
            elif reads.is_due():
                self._read_configuration()
            self.manager.reconcile(list_files=polls.is_due())
            if self.health.has_started:
                time.sleep(TICK_S)
            else:
                self._advance_start()

    def _advance_start(self) -> None:
        """Waits a tick for the models, and opens the ports once they are there."""
        progress = self.manager.wait_for_start(TICK_S)
        if (error := progress.error) is not None:
            raise error
        if not progress.is_over:
            return
        if self._loop is not None and not self._flags.open_ports_at_once:
            self._loop.call(self._transports.open())
        self.health.has_started = True
        if progress.missing:
            log.error("Serving without %s.", ", ".join(progress.missing))
        else:
            log.info("All models are ready.")

    def _read_configuration(self) -> None:
        """Takes what the files say now; a bad file changes nothing."""
        try:
            if self._flags.model_config_file:
                self.manager.configure(read_config_file(self._flags.model_config_file))
            if isinstance(self._loader, SavedModelLoader):
                self._loader.refresh(self.manager.available_versions())
        except StatusError as error:
            log.error("Kept the configuration as it is: %s", error)

    def stop(self) -> None:
        """Drains: not ready, no new requests, running ones finish within the limit."""
        limit_s = float(self._flags.shutdown_limit_seconds)
        deadline = time.monotonic() + limit_s
        self.health.is_stopping = True
        self.manager.lifecycle.stop_loading()
        if self._loop is not None:
            self._loop.call(self._transports.stop(limit_s))
        self.manager.lifecycle.close(max(deadline - time.monotonic(), 0.0))
        self._scheduler.close()
        self.observation.close(max(deadline - time.monotonic(), 1.0))
        if self._loop is not None:
            self._loop.stop()
        log.info("Stopped.")


class _Timer:
    """Due now, and again after so many seconds; 0 means once, negative never."""

    def __init__(self, period_s: float, *, first: bool = True) -> None:
        self._wait_s = period_s if period_s > 0 else float("inf")
        is_due_now = first and period_s >= 0
        self._due_s = time.monotonic() + (0 if is_due_now else self._wait_s)

    def is_due(self) -> bool:
        """Tells whether the time has come; once per period."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._wait_s
        return True
