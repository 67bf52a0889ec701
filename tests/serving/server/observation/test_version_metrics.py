"""What loading, unloading and batches leave in the metrics."""

import pathlib
from collections.abc import Callable

import pytest

from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry
from serving.server.models.manager import ModelManager
from serving.server.models.version import State
from serving.server.observation.from_flags import ServerMetrics
from serving.server.servable import WarmupReport
from serving.server.status import Code, StatusError
from tests.support.patience import wait_until
from tests.support.serving.fakes import fake_loader
from tests.support.serving.server.observed import FakeModels, record, series, values

STATE = "/ktp/serving/model_state"


@pytest.fixture
def models() -> FakeModels:
    return FakeModels("m")


@pytest.fixture
def metrics(models: FakeModels) -> ServerMetrics:
    kept = ServerMetrics(models)
    models.move("m", 1, State.START, State.LOADING, State.AVAILABLE)
    return kept


def test_a_dropped_model_takes_its_series_along(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    empty = series(ServerMetrics(FakeModels()))
    metrics.on_request(record())
    metrics.on_request(record(api="MultiInference"))
    metrics.on_request_logged("m")
    metrics.on_warmup_file("/models/m/1", 0.5, 3)
    models.entries.clear()
    models.move("m", 1, State.UNLOADING, State.END)
    models.remove("m")
    assert series(metrics) == empty
    metrics.on_request(record())  # one that was still under way
    assert values(metrics, "/tensorflow/serving/request_count") == {
        ("<unknown>", "OK"): 1
    }


def test_a_model_that_comes_back_counts_from_zero(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics.on_request(record())
    metrics.forget_model("m")
    metrics.on_request(record())
    assert values(metrics, "/tensorflow/serving/request_count") == {("m", "OK"): 1}


def test_an_unloaded_version_is_gone_though_none_replaced_it(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics.on_request(record())
    models.move("m", 1, State.UNLOADING, State.END)
    assert values(metrics, STATE) == {}
    assert values(metrics, "/ktp/serving/request_count") == {}
    assert values(metrics, "/tensorflow/serving/request_count") == {("m", "OK"): 1}


def test_a_thousand_swaps_leave_as_many_series_as_one(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    metrics.on_request(record())
    before = series(metrics)
    for number in range(2, 1002):
        models.move("m", number, State.START, State.LOADING, State.AVAILABLE)
        models.move("m", number - 1, State.UNLOADING, State.END)
        metrics.on_request(record(version=number))
    assert series(metrics) == before
    assert values(metrics, STATE) == {("m", "1001"): 30}


def test_a_version_that_failed_shows_until_a_newer_one_answers(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    models.move("m", 2, State.START, State.LOADING, State.END)
    states = values(metrics, STATE)
    assert states == {("m", "1"): State.AVAILABLE, ("m", "2"): State.END}
    models.move("m", 3, State.START, State.LOADING, State.AVAILABLE)
    assert ("m", "2") not in values(metrics, STATE)


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


def test_a_version_that_moved_counts_under_its_new_folder(
    metrics: ServerMetrics, models: FakeModels
) -> None:
    version = models.move("m", 2, State.START, State.LOADING, State.END)
    version.path = "/models/m/002"
    models.move("m", 2, State.START, State.LOADING, State.AVAILABLE)
    attempts = values(metrics, "/tensorflow/cc/saved_model/load_attempt_count")
    assert attempts["/models/m/002", "success"] == 1


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


def test_the_real_manager_s_models_come_and_go(tmp_path: pathlib.Path) -> None:
    manager = ModelManager(fake_loader, ServerFlags())
    metrics = ServerMetrics(manager)
    empty = series(metrics)
    (tmp_path / "m" / "3").mkdir(parents=True)
    manager.configure([ModelEntry(name="m", base_path=str(tmp_path / "m"))])
    reconcile_until(manager, lambda: values(metrics, STATE) == {("m", "3"): 30})
    path = str(tmp_path / "m" / "3")
    loads = values(metrics, "/tensorflow/cc/saved_model/load_attempt_count")
    assert loads == {(path, "success"): 1}
    metrics.on_request(record(version=3))
    assert values(metrics, "/tensorflow/serving/request_count") == {("m", "OK"): 1}
    manager.configure([])
    reconcile_until(manager, lambda: series(metrics) == empty)
    manager.lifecycle.close(5)


def reconcile_until(manager: ModelManager, is_so: Callable[[], bool]) -> None:
    def step() -> bool:
        manager.reconcile()
        return is_so()

    wait_until(step)
