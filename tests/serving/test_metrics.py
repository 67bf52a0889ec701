"""Which numbers a server keeps, which series they make, and which they must not."""

import dataclasses
import threading
import timeit
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from serving.server.metrics import Family, HistogramValue, Registry
from serving.server.request_metrics import MAX_SIGNATURES
from serving.server.request_record import GRPC, REST, RequestRecord
from serving.server.served_version import ServedVersion, State, WarmupReport
from serving.server.server_metrics import ServerMetrics
from serving.server.status import Code, StatusError


class FakeModels:
    """A manager whose versions move when a test says so."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.known: dict[tuple[str, int], ServedVersion] = {}
        self._tell: list[Callable[[str, int, State], None]] = []
        self.tell_removed: list[Callable[[str], None]] = []

    def has_model(self, name: str) -> bool:
        return name in self.names

    def versions(self, name: str, version: int | None = None) -> Sequence[Any]:
        if version is None or (name, version) not in self.known:
            raise StatusError(Code.NOT_FOUND, "no such version")
        return [self.known[name, version]]

    def on_state_change(self, listener: Callable[[str, int, State], None]) -> None:
        self._tell.append(listener)

    def on_model_removed(self, listener: Callable[[str], None]) -> None:
        self.tell_removed.append(listener)

    def move(self, name: str, number: int, *states: State) -> ServedVersion:
        made = ServedVersion(name, number, f"/models/{name}/{number}")
        version = self.known.setdefault((name, number), made)
        for state in states:
            version.state = state
            for tell in self._tell:
                tell(name, number, state)
        return version


@pytest.fixture
def models() -> FakeModels:
    return FakeModels("m")


@pytest.fixture
def metrics(models: FakeModels) -> ServerMetrics:
    kept = ServerMetrics(models)
    models.move("m", 1, State.START, State.LOADING, State.AVAILABLE)
    return kept


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
    return dataclasses.replace(PREDICT, **changes)


def failed(**changes: Any) -> RequestRecord:
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
    return sum(len(family.samples) for family in metrics.registry.collect())


@pytest.mark.parametrize(
    "sent, counted",
    [
        (record(), {("m", "OK"): 1}),
        (record(api="classify", entrypoint=REST), {("m", "OK"): 1}),
        (failed(api="Regress"), {("m", "INVALID_ARGUMENT"): 1}),
        (failed(api="", entrypoint=REST, model_name=""), {("", "INVALID_ARGUMENT"): 1}),
        (record(api="metadata", entrypoint=REST, run_s=0.0), {("m", "OK"): 1}),
        (record(api="MultiInference"), {}),
        (record(api="GetModelStatus", run_s=0.0), {}),
        (record(api="GetModelMetadata", run_s=0.0), {}),
    ],
)
def test_request_count_counts_the_apis_that_upstream_counts(
    metrics: ServerMetrics, sent: RequestRecord, counted: dict[Any, int]
) -> None:
    metrics(sent)
    assert values(metrics, "/tensorflow/serving/request_count") == counted


def test_request_latency_knows_successes_only_by_api_and_entrypoint(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(api="predict", entrypoint=REST), failed()):
        metrics(sent)
    metrics(record(api="status", entrypoint=REST, run_s=0.0))
    assert values(metrics, "/tensorflow/serving/request_latency") == {
        ("m", "", "REST"): (1, 4000),
        ("m", "Predict", "GRPC"): (1, 4000),
        ("m", "predict", "REST"): (1, 4000),
    }


def test_runtime_latency_has_the_grpc_name_of_the_api_and_includes_the_queue(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(api="predict", entrypoint=REST), failed()):
        metrics(sent)
    metrics(record(api="MultiInference"))
    found = values(metrics, "/tensorflow/serving/runtime_latency")
    assert found == {("m", "Predict", "TF1"): (2, 6000)}


def test_example_counts_are_those_of_multi_inference(metrics: ServerMetrics) -> None:
    for sent in (record(), record(api="MultiInference", rows=5)):
        metrics(sent)
    prefix = "/tensorflow/serving/request_example_count"
    assert values(metrics, f"{prefix}s") == {("m",): (1, 5)}
    assert values(metrics, f"{prefix}_total") == {("m",): 5}


def test_our_metrics_tell_signatures_versions_and_batches_apart(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(signature_name="half", batch_rows=16)):
        metrics(sent)
    by_signature = values(metrics, "/ktp/serving/request_latency")
    assert by_signature.keys() == {
        ("m", "half", "GRPC"),
        ("m", "serving_default", "GRPC"),
    }
    assert values(metrics, "/ktp/serving/batch_rows")["m", "half"] == (1, 16)
    assert values(metrics, "/ktp/serving/queue_latency")["m", "half"] == (1, 1000)
    assert ("m", "1", "half", "Predict", "GRPC", "OK") in values(
        metrics, "/ktp/serving/request_count"
    )


def test_a_full_bucket_of_ours_means_at_most(metrics: ServerMetrics) -> None:
    metrics(record(batch_rows=8))
    families = {f.name: f for f in metrics.registry.collect()}
    ((_, batch_rows),) = families["/ktp/serving/batch_rows"].samples
    assert isinstance(batch_rows, HistogramValue)
    assert batch_rows.counts[batch_rows.bounds.index(8)] == 1


def test_names_that_clients_make_up_become_no_series(metrics: ServerMetrics) -> None:
    metrics(failed(model_name="nobody", version=None, code=Code.NOT_FOUND))
    before = series(metrics)
    for number in range(1000):
        name = f"made-up-{number}"
        metrics(failed(model_name=name, version=number, code=Code.NOT_FOUND))
        metrics(failed(model_name=name, signature_name=name, code=Code.NOT_FOUND))
    assert series(metrics) == before
    counted = values(metrics, "/tensorflow/serving/request_count")
    assert counted == {("<unknown>", "NOT_FOUND"): 2001}


def test_a_model_has_series_for_so_many_signatures_at_most(
    metrics: ServerMetrics,
) -> None:
    for number in range(2 * MAX_SIGNATURES):
        metrics(record(signature_name=f"s{number}"))
    assert len(values(metrics, "/ktp/serving/run_latency")) == MAX_SIGNATURES + 1


def test_a_dropped_model_takes_its_series_along(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    empty = series(ServerMetrics(FakeModels()))
    metrics(record())
    metrics(record(api="MultiInference"))
    metrics.on_request_logged("m")
    metrics.on_warmup_file("/models/m/1", 0.5, 3)
    models.names.clear()
    models.move("m", 1, State.UNLOADING, State.END)
    for tell in models.tell_removed:
        tell("m")
    assert series(metrics) == empty
    metrics(record())  # one that was still under way
    assert values(metrics, "/tensorflow/serving/request_count") == {
        ("<unknown>", "OK"): 1
    }


def test_a_model_that_comes_back_counts_from_zero(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics(record())
    metrics.forget_model("m")
    metrics(record())
    assert values(metrics, "/tensorflow/serving/request_count") == {("m", "OK"): 1}


def test_an_unloaded_version_is_gone_though_none_replaced_it(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics(record())
    models.move("m", 1, State.UNLOADING, State.END)
    assert values(metrics, "/ktp/serving/model_state") == {}
    assert values(metrics, "/ktp/serving/request_count") == {}
    assert values(metrics, "/tensorflow/serving/request_count") == {("m", "OK"): 1}


def test_a_thousand_swaps_leave_as_many_series_as_one(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics(record())
    before = series(metrics)
    for number in range(2, 1002):
        models.move("m", number, State.START, State.LOADING, State.AVAILABLE)
        models.move("m", number - 1, State.UNLOADING, State.END)
        metrics(record(version=number))
    assert series(metrics) == before
    assert values(metrics, "/ktp/serving/model_state") == {("m", "1001"): 30}


def test_a_version_that_failed_shows_until_a_newer_one_answers(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    models.move("m", 2, State.START, State.LOADING, State.END)
    states = values(metrics, "/ktp/serving/model_state")
    assert states == {("m", "1"): State.AVAILABLE, ("m", "2"): State.END}
    models.move("m", 3, State.START, State.LOADING, State.AVAILABLE)
    assert ("m", "2") not in values(metrics, "/ktp/serving/model_state")


def test_every_load_attempt_is_counted_once(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    version = models.move("m", 2, State.START)
    for _ in range(2):
        version.start_loading()
        models.move("m", 2, State.LOADING)
        version.error = StatusError(Code.INTERNAL, "no")
        models.move("m", 2, State.LOADING)
    version.start_loading()
    models.move("m", 2, State.LOADING)
    version.error, version.load_s = None, 1.5
    version.warmup = WarmupReport(7, "file")
    models.move("m", 2, State.AVAILABLE)
    attempts = values(metrics, "/tensorflow/cc/saved_model/load_attempt_count")
    assert attempts["/models/m/2", "fail"] == 2
    assert attempts["/models/m/2", "success"] == 1
    assert values(metrics, "/ktp/serving/model_load_seconds")["m", "2"] == 1.5
    assert values(metrics, "/ktp/serving/model_warmup_requests")["m", "2", "file"] == 7


def test_a_batch_counts_its_requests_waiting_times_and_padding(
    metrics: ServerMetrics,
) -> None:
    metrics.on_batch([0.001, 0.002], [2, 3], 8)
    prefix = "/tensorflow/serving/batching_session"
    pool = ("batch_threads",)
    assert values(metrics, f"{prefix}/wrapped_run_count") == {(): 1}
    assert values(metrics, f"{prefix}/queuing_latency") == {pool: (2, 3000)}
    assert values(metrics, f"{prefix}/processed_batch_size") == {(): (1, 8)}
    assert values(metrics, f"{prefix}/padding_size") == {("8",): (1, 3)}
    assert values(metrics, f"{prefix}/input_batch_size") == {(): (2, 5)}


def test_the_process_shows_what_it_takes(metrics: ServerMetrics) -> None:
    prefix = "/ktp/serving/process"
    assert values(metrics, f"{prefix}_resident_memory_bytes")[()] > 10_000_000
    assert values(metrics, f"{prefix}_cpu_seconds")[()] > 0
    assert values(metrics, f"{prefix}_open_fds")[()] >= 3


def test_threads_lose_no_count() -> None:
    counter = Registry().counter("/x").cell()
    step = threading.Barrier(4)

    def add() -> None:
        step.wait()
        for _ in range(20_000):
            counter.add()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read() == 80_000


def test_a_gauge_that_fails_leaves_the_others(
    metrics: ServerMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> float:
        raise OSError("gone")

    metrics.watch("broken", fail)
    metrics.watch("in_flight_requests", lambda: 3)
    assert values(metrics, "/ktp/serving/broken") == {}
    assert values(metrics, "/ktp/serving/in_flight_requests") == {(): 3}
    assert "broken cannot be read" in caplog.text


def test_a_request_costs_the_event_loop_microseconds(metrics: ServerMetrics) -> None:
    sent = record()
    best = min(timeit.repeat(lambda: metrics(sent), number=1000, repeat=5))
    assert best / 1000 < 50e-6  # measured: 3 to 4; the rest is for a busy machine
