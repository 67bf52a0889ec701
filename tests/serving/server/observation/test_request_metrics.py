"""Which numbers a server keeps, which series they make, and which they must not."""

import threading
from typing import Any

import pytest

from serving.server.models.version import State
from serving.server.observation.from_flags import ServerMetrics
from serving.server.observation.record import REST, RequestRecord
from serving.server.observation.registry import HistogramValue, Registry
from serving.server.observation.request_metrics import MAX_SIGNATURES
from serving.server.status import Code
from tests.support.call_counts import count_calls
from tests.support.serving.server.observed import (
    FakeModels,
    failed,
    record,
    series,
    values,
)


@pytest.fixture
def metrics() -> ServerMetrics:
    models = FakeModels("m")
    kept = ServerMetrics(models)
    models.move("m", 1, State.START, State.LOADING, State.AVAILABLE)
    return kept


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
    metrics.on_request(sent)
    assert values(metrics, "/tensorflow/serving/request_count") == counted


def test_request_latency_knows_successes_only_by_api_and_entrypoint(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(api="predict", entrypoint=REST), failed()):
        metrics.on_request(sent)
    metrics.on_request(record(api="status", entrypoint=REST, run_s=0.0))
    assert values(metrics, "/tensorflow/serving/request_latency") == {
        ("m", "", "REST"): (1, 4000),
        ("m", "Predict", "GRPC"): (1, 4000),
        ("m", "predict", "REST"): (1, 4000),
    }


def test_runtime_latency_has_the_grpc_name_of_the_api_and_includes_the_queue(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(api="predict", entrypoint=REST), failed()):
        metrics.on_request(sent)
    metrics.on_request(record(api="MultiInference"))
    found = values(metrics, "/tensorflow/serving/runtime_latency")
    assert found == {("m", "Predict", "TF1"): (2, 6000)}


def test_example_counts_are_those_of_multi_inference(metrics: ServerMetrics) -> None:
    for sent in (record(), record(api="MultiInference", rows=5)):
        metrics.on_request(sent)
    prefix = "/tensorflow/serving/request_example_count"
    assert values(metrics, f"{prefix}s") == {("m",): (1, 5)}
    assert values(metrics, f"{prefix}_total") == {("m",): 5}


def test_our_metrics_tell_signatures_versions_and_batches_apart(
    metrics: ServerMetrics,
) -> None:
    for sent in (record(), record(signature_name="half", batch_rows=16)):
        metrics.on_request(sent)
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
    metrics.on_request(record(batch_rows=8))
    families = {f.name: f for f in metrics.registry.collect()}
    ((_, batch_rows),) = families["/ktp/serving/batch_rows"].samples
    assert isinstance(batch_rows, HistogramValue)
    assert batch_rows.counts[batch_rows.bounds.index(8)] == 1


def test_names_that_clients_make_up_become_no_series(metrics: ServerMetrics) -> None:
    metrics.on_request(failed(model_name="nobody", version=None, code=Code.NOT_FOUND))
    before = series(metrics)
    for number in range(1000):
        name = f"made-up-{number}"
        metrics.on_request(failed(model_name=name, version=number, code=Code.NOT_FOUND))
        metrics.on_request(
            failed(model_name=name, signature_name=name, code=Code.NOT_FOUND)
        )
    assert series(metrics) == before
    counted = values(metrics, "/tensorflow/serving/request_count")
    assert counted == {("<unknown>", "NOT_FOUND"): 2001}


def test_a_model_has_series_for_so_many_signatures_at_most(
    metrics: ServerMetrics,
) -> None:
    for number in range(2 * MAX_SIGNATURES):
        metrics.on_request(record(signature_name=f"s{number}"))
    assert len(values(metrics, "/ktp/serving/run_latency")) == MAX_SIGNATURES + 1


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

    metrics.registry.watch("/broken", fail)
    metrics.registry.watch("/whole", lambda: 3)
    assert values(metrics, "/broken") == {}
    assert values(metrics, "/whole") == {(): 3}
    assert "broken cannot be read" in caplog.text


def test_a_request_costs_the_event_loop_little(metrics: ServerMetrics) -> None:
    """31 calls, about 4 µs, once its cells are known."""
    sent = record()
    metrics.on_request(sent)
    assert count_calls(lambda: metrics.on_request(sent)) <= 35
