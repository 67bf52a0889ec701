"""The numbers of one server, kept from what requests, batches and versions tell."""

from typing import Protocol

from serving.server.models.events import StateEvents
from serving.server.models.version import ServedVersion, State
from serving.server.observation.metrics import (
    OwnMetrics,
    UpstreamMetrics,
    add_process_metrics,
)
from serving.server.observation.registry import Registry
from serving.server.observation.request_metrics import RequestMetrics
from serving.server.observation.version_metrics import VersionMetrics
from serving.server.status import Code


class Models(Protocol):
    """What is asked of the manager."""

    @property
    def events(self) -> StateEvents: ...
    def has_model(self, name: str) -> bool: ...


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
        self._upstream, ours = UpstreamMetrics(self.registry), OwnMetrics(self.registry)
        self._versions = VersionMetrics(self.registry, self._upstream, ours)
        self._requests = RequestMetrics(
            self._upstream, ours, self._is_known, self._versions.has_version
        )
        self.on_request = self._requests.observe
        self.on_batch = self._requests.observe_batch
        self.on_warmup_file = self._versions.warmed_up
        add_process_metrics(self.registry)
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
        return self._versions.has_model(name) or self._models.has_model(name)
