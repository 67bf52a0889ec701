"""The metrics of a server: tensorflow_model_server's by their names, then ours.

Upstream's start with `/tensorflow/` and count exactly what it counts; ours start with
`/ktp/serving/`. Latencies are microseconds, as upstream's are.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from serving.server.models.events import StateEvents
from serving.server.models.version import ServedVersion, State
from serving.server.observation.batch_metrics import BatchMetrics
from serving.server.observation.load_metrics import LoadMetrics
from serving.server.observation.process_metrics import add_process_metrics
from serving.server.observation.record import RequestRecord
from serving.server.observation.registry import COUNTER, GAUGE, Labels, Registry
from serving.server.observation.request_metrics import RequestMetrics
from serving.server.status import Code, StatusError

_OURS = "/ktp/serving/"


class Models(Protocol):
    """What is asked of the manager."""

    def has_model(self, name: str) -> bool: ...
    def versions(
        self, name: str, version: int | None = None
    ) -> Sequence[ServedVersion]: ...
    @property
    def events(self) -> StateEvents: ...


class ServerMetrics:
    """Keeps the numbers of one server. An observer of requests; any thread may call.

    A model that does not exist gets no series of its own, and a model or version that
    is gone loses them, so memory stays bounded whatever clients ask for and however
    often models are swapped.
    """

    def __init__(self, models: Models) -> None:
        """Listens to the models from now on."""
        self.registry = Registry()
        self._models = models
        self._lock = threading.Lock()
        self._live: dict[str, dict[int, State]] = {}
        self._requests = RequestMetrics(self.registry, self._is_known, self._is_live)
        self._loads = LoadMetrics(self.registry)
        batches = BatchMetrics(self.registry)
        self.on_batch = batches.observe
        self.on_warmup_file = self._loads.warmed_up
        self._logged = self.registry.counter(
            "/tensorflow/serving/request_log_count", "model_name", "status_code"
        )
        add_process_metrics(self.registry)
        models.events.on_state_change(self.on_state_change)
        models.events.on_model_removed(self.forget_model)

    def __call__(self, record: RequestRecord) -> None:
        """Counts a request that has ended."""
        self._requests.observe(record)

    def on_state_change(self, model_name: str, number: int, state: State) -> None:
        """Shows the state of a version; one that was unloaded disappears.

        A version that failed to load stays, as END, until a newer one is AVAILABLE.
        """
        version = self._find(model_name, number)
        with self._lock:
            states = self._live.setdefault(model_name, {})
            was_unloading = states.get(number) is State.UNLOADING
            states[number] = state
            if version is not None:
                self._loads.observe(version, state)
            if was_unloading and state is State.END:
                self._forget_version(model_name, number)
            available = [n for n, s in states.items() if s is State.AVAILABLE]
            newest = max(available, default=number)
            for failed in [n for n, s in states.items() if s is State.END]:
                if failed < newest:
                    self._forget_version(model_name, failed)
            if not states:
                del self._live[model_name]
        self._requests.forget_cells()

    def forget_model(self, model_name: str) -> None:
        """Drops every series of a model that is configured no more."""
        with self._lock:
            for number in list(self._live.get(model_name, {})):
                self._forget_version(model_name, number)
            self._live.pop(model_name, None)
            self.registry.remove(model_name=model_name)
            self.registry.remove(model=model_name)
        self._requests.forget_model(model_name)

    def on_request_logged(self, model_name: str, code: Code = Code.OK) -> None:
        """A sampled request went to the request log, or failed to."""
        self._logged.cell(model_name, code.name).add()

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """A gauge without labels, looked up at each scrape."""
        self.registry.callback(_OURS + name, GAUGE, (), lambda: {(): read()})

    def watch_by_model(
        self, name: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        """A gauge for each model that `read` names, looked up at each scrape."""

        def labelled() -> dict[Labels, float]:
            return {(model,): value for model, value in read().items()}

        self.registry.callback(_OURS + name, GAUGE, ("model_name",), labelled)

    def watch_dropped_records(self, read: Callable[[], Mapping[str, int]]) -> None:
        """How many records each log (`access`, `request`) had to drop."""

        def labelled() -> dict[Labels, float]:
            return {(log,): count for log, count in read().items()}

        self.registry.callback(
            f"{_OURS}dropped_log_records", COUNTER, ("log",), labelled
        )

    def _find(self, model_name: str, number: int) -> ServedVersion | None:
        try:
            return self._models.versions(model_name, number)[0]
        except StatusError:
            return None

    def _is_known(self, model_name: str) -> bool:
        return bool(self._live.get(model_name)) or self._models.has_model(model_name)

    def _is_live(self, model_name: str, version: int) -> bool:
        return version in self._live.get(model_name, {})

    def _forget_version(self, model_name: str, number: int) -> None:
        self._live[model_name].pop(number, None)
        self._loads.forget(model_name, number)
