"""What a server shows of itself: metrics, an access log, a sample of its requests."""

import time
from collections.abc import Mapping

from serving.server import prometheus
from serving.server.access_log import AccessLog
from serving.server.flags import ServerFlags
from serving.server.manager import ModelManager
from serving.server.prometheus import PrometheusConfig
from serving.server.request_logging import RequestLogger
from serving.server.request_record import Observer
from serving.server.rest import Answer, Page
from serving.server.server_metrics import ServerMetrics

_TEXT = "text/plain"


class Observability:
    """Everything that watches requests, as the flags say.

    Raises:
        StatusError: a file that cannot be read or opened.
    """

    def __init__(self, flags: ServerFlags, manager: ModelManager) -> None:
        self._prometheus = PrometheusConfig.from_file(flags.monitoring_config_file)
        self.metrics = ServerMetrics(manager)
        self.requests = RequestLogger(
            lambda: manager.entries,
            saved_model_tags=flags.saved_model_tags.split(","),
            on_logged=self.metrics.on_request_logged,
        )
        path, rate = flags.access_log_file, flags.access_log_sampling_rate
        self._access = AccessLog(path, sampling_rate=rate) if path else None
        self.metrics.watch_dropped_records(self._dropped)

    @property
    def observers(self) -> list[Observer]:
        """What hears of every request."""
        access = [] if self._access is None else [self._access]
        return [self.metrics, *access]

    @property
    def pages(self) -> Mapping[str, Page]:
        """Pages of the REST port."""
        if not self._prometheus.enable:
            return {}
        return {self._prometheus.path: self._metrics_page}

    def reopen(self) -> None:
        """Goes on in new files, after a rotation."""
        if self._access is not None:
            self._access.reopen()

    def close(self, limit_s: float) -> None:
        """Writes what waits, as far as the limit allows."""
        deadline = time.monotonic() + limit_s
        if self._access is not None:
            self._access.close(limit_s)
        self.requests.close(max(0.1, deadline - time.monotonic()))

    def _metrics_page(self, query: str) -> Answer:
        path = self._prometheus.path
        status, text = prometheus.answer(self.metrics.registry, path, query)
        return Answer(status, text.encode(), _TEXT)

    def _dropped(self) -> Mapping[str, int]:
        access = {} if self._access is None else {"access": self._access.dropped}
        return {**access, "request": self.requests.dropped}
