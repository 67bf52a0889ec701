"""What a server says about itself: metrics, access log, request log; from its flags."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry
from serving.server.models.events import StateEvents
from serving.server.models.version import ServedVersion, State
from serving.server.observation import metrics, prometheus
from serving.server.observation.access_log import AccessLog
from serving.server.observation.prometheus import PrometheusConfig
from serving.server.observation.record import Observer
from serving.server.observation.registry import Registry
from serving.server.observation.request_log import RequestLogger
from serving.server.observation.request_metrics import RequestMetrics
from serving.server.observation.version_metrics import VersionMetrics
from serving.server.status import Code

Page = Callable[[str], tuple[int, str]]
"""HTTP status and text, given the query string."""


class Models(Protocol):
    """What is asked of the manager."""

    @property
    def events(self) -> StateEvents: ...
    @property
    def entries(self) -> Mapping[str, ModelEntry]: ...
    def unready_models(self) -> list[str]: ...


class ServerMetrics:
    """Keeps the numbers of one server. Any thread may call.

    A model that does not exist gets no series of its own, and a model or version that
    is gone loses them, so memory stays bounded whatever clients ask for and however
    often models are swapped.
    """

    def __init__(self, models: Models) -> None:
        """Listens to the models from now on."""
        self.registry = Registry()
        self._models = models
        self._upstream = metrics.UpstreamMetrics(self.registry)
        ours = metrics.OwnMetrics(self.registry)
        self._versions = VersionMetrics(self.registry, self._upstream, ours)
        self._requests = RequestMetrics(
            self._upstream, ours, self._is_known, self._versions.has_version
        )
        self.on_request = self._requests.observe
        self.on_batch = self._requests.observe_batch
        self.on_warmup_file = self._versions.warmed_up
        metrics.add_process_metrics(self.registry)
        models.events.on_state_change(self._on_state_change)
        models.events.on_model_removed(self.forget_model)

    def on_request_logged(self, model_name: str, code: Code = Code.OK) -> None:
        """Counts a sampled request that went to the request log, or failed to."""
        self._upstream.logged.cell(model_name, code.name).add()

    def forget_model(self, model_name: str) -> None:
        """Drops every series of a model that is configured no more."""
        self._versions.forget_model(model_name)
        self.registry.remove(model_name=model_name)
        self.registry.remove(model=model_name)
        self._requests.forget_model(model_name)

    def _on_state_change(self, version: ServedVersion, state: State) -> None:
        self._versions.observe(version, state)
        self._requests.forget_cells()

    def _is_known(self, name: str) -> bool:
        return self._versions.has_model(name) or name in self._models.entries


class Observation:
    """Everything that watches requests and models.

    Attributes:
        observers: for `RequestHandler`.
        pages: for the REST port, by path; empty unless metrics are enabled.
        request_logger: for those who have requests and answers in hand.
    """

    def __init__(
        self,
        flags: ServerFlags,
        models: Models,
        *,
        in_flight: Callable[[], int],
        waiting: Callable[[], int],
    ) -> None:
        """Opens what the flags ask for.

        Args:
            flags: of the server.
            models: are listened to from now on.
            in_flight: how many requests are under way.
            waiting: how many of them wait for a thread or a batch.

        Raises:
            StatusError: a file cannot be read or written.
        """
        config = PrometheusConfig.from_file(flags.monitoring_config_file)
        self.metrics = ServerMetrics(models)
        self.request_logger = RequestLogger(
            lambda: models.entries,
            saved_model_tags=flags.saved_model_tags.split(","),
            on_logged=self.metrics.on_request_logged,
        )
        self.observers: list[Observer] = [self.metrics.on_request]
        self._access_log: AccessLog | None = None
        if flags.access_log_file:
            self._access_log = AccessLog(
                flags.access_log_file, sampling_rate=flags.access_log_sampling_rate
            )
            self.observers.append(self._access_log)
        self.pages: dict[str, Page] = {}
        if config.enable:
            self.pages[config.path] = functools.partial(
                prometheus.answer, self.metrics.registry, config.path
            )
        metrics.add_gauges(
            self.metrics.registry,
            in_flight=in_flight,
            waiting=waiting,
            unready_models=models.unready_models,
            dropped=self._dropped,
        )

    def reopen(self) -> None:
        """Goes on in a new access log: for SIGHUP, in its handler too."""
        if self._access_log is not None:
            self._access_log.reopen()

    def close(self, limit_s: float) -> None:
        """Writes what waits, up to the limit; call it after the last request."""
        deadline_s = time.monotonic() + limit_s
        if self._access_log is not None:
            self._access_log.close(limit_s)
        self.request_logger.close(deadline_s - time.monotonic())

    def _dropped(self) -> dict[str, int]:
        dropped = {"request": self.request_logger.dropped}
        if self._access_log is not None:
            dropped["access"] = self._access_log.dropped
        return dropped
