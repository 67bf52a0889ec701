"""What the tests of metrics and logs share: models that move, records, samples."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from serving.client import protos
from serving.client.wire import tensors
from serving.server.flags import ServerFlags
from serving.server.models.config import LoggingConfig, ModelEntry
from serving.server.models.events import StateEvents
from serving.server.models.version import ServedVersion, State
from serving.server.observation.from_flags import Observation, ServerMetrics
from serving.server.observation.record import GRPC, RequestRecord
from serving.server.observation.registry import Family, HistogramValue
from serving.server.observation.request_log import RequestLogger
from serving.server.status import Code


class FakeModels:
    """A manager whose versions move when a test says so."""

    def __init__(self, *names: str) -> None:
        self.entries = {n: ModelEntry(name=n, base_path=f"/models/{n}") for n in names}
        self._known: dict[tuple[str, int], ServedVersion] = {}
        self.events = StateEvents()

    def unready_models(self) -> list[str]:
        return ["m"]

    def move(self, name: str, number: int, *states: State) -> ServedVersion:
        made = ServedVersion(name, number, f"/models/{name}/{number}")
        version = self._known.setdefault((name, number), made)
        for state in states:
            version.state = state
            self.events.moved(version)
            self.events.deliver()
        return version

    def remove(self, name: str) -> None:
        """The model has left configuration and memory."""
        self.entries.pop(name, None)
        self.events.removed(name)
        self.events.deliver()


def observe(*entries: ModelEntry, **flags: Any) -> Observation:
    """What a server with these models says; 3 requests are there, 2 of them wait."""
    models = FakeModels()
    models.entries = {entry.name: entry for entry in entries}
    observation = Observation(
        ServerFlags(**flags), models, in_flight=lambda: 3, waiting=lambda: 2
    )
    for name in models.entries:
        models.move(name, 1, State.START, State.LOADING, State.AVAILABLE)
    return observation


PREDICT = RequestRecord(
    api="Predict",
    entrypoint=GRPC,
    model_name="m",
    version=1,
    signature_name="serving_default",
    rows=2,
    batch_rows=8,
    queue_s=0.001,
    run_s=0.002,
    total_s=0.004,
    request_bytes=100,
    response_bytes=50,
)


def record(**changes: Any) -> RequestRecord:
    """A good Predict of two rows over gRPC, but for the changes."""
    return dataclasses.replace(PREDICT, **changes)


def failed(**changes: Any) -> RequestRecord:
    """A Predict that was refused before it ran."""
    return record(run_s=0.0, **{"code": Code.INVALID_ARGUMENT, **changes})


def values(metrics: ServerMetrics, name: str) -> dict[tuple[str, ...], Any]:
    """The samples of one metric; of a histogram, count and sum."""
    families: dict[str, Family] = {f.name: f for f in metrics.registry.collect()}
    return {
        labels: (sum(value.counts), round(value.total))
        if isinstance(value, HistogramValue)
        else value
        for labels, value in families[name].samples
    }


def series(metrics: ServerMetrics) -> int:
    """How many lines a page with these metrics has, histograms counted as one."""
    return sum(len(family.samples) for family in metrics.registry.collect())


VERSION = ServedVersion("m", 7, "/models/m/7")


def predict_request(**inputs: Any) -> Any:
    """A PredictRequest to model "m"."""
    request = protos.PredictRequest()
    request.model_spec.name = "m"
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tensors.encode(value))
    return request


def entry(prefix: pathlib.Path | str, rate: float = 1.0, name: str = "m") -> ModelEntry:
    """A model whose requests are logged to files that begin with `prefix`."""
    logging = LoggingConfig(log_file_prefix=str(prefix), sampling_rate=rate)
    return ModelEntry(name=name, base_path=f"/models/{name}", logging=logging)


def logger_of(*entries: ModelEntry, **options: Any) -> RequestLogger:
    """A request logger for these models."""
    models = {entry.name: entry for entry in entries}
    return RequestLogger(lambda: models, **options)


def log_numbers(logger: RequestLogger, *numbers: float) -> None:
    """Logs a request with each number, in this order."""
    for number in numbers:
        request = predict_request(x=np.float32([number]))
        logger.log_predict(VERSION, lambda r=request: r, protos.PredictResponse)


def finished(folder: pathlib.Path) -> list[pathlib.Path]:
    """The complete log files of a folder."""
    return sorted(folder.glob("*.tfrecord"))
