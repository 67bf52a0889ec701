"""What a running server tells of its requests: metrics, access log, samples."""

import json
import pathlib
import signal
import subprocess
import sys
from typing import Any

import httpx
import numpy as np
import pytest

from serving.client import Client, protos
from serving.client.errors import ServingError
from serving.client.wire import tensors
from serving.formats.tfrecord import read_records
from serving.server.loading.warmup import warm_up
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.fakes import MODEL, FakeServable, FakeServer, free_port
from tests.support.serving.server.prometheus_reader import read_page

METRICS = "/monitoring/prometheus/metrics"
MONITORING = "prometheus_config { enable: true }"


def _file(path: pathlib.Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _ask_once_each(server: FakeServer) -> None:
    inputs = {"x": np.float32([1, 3])}
    for endpoint, transport in (
        (server.grpc_endpoint, "grpc"),
        (server.rest_endpoint, "rest"),
    ):
        with Client(endpoint, transport=transport) as client:
            client.predict(inputs, "half")
    httpx.post(f"http://{server.rest_endpoint}/v1/models/{MODEL}:predict", content="{")


def test_metrics_count_requests_of_both_ports(tmp_path: pathlib.Path) -> None:
    config = _file(tmp_path / "monitoring.config", MONITORING)
    with FakeServer(tmp_path / "model", monitoring_config_file=config) as server:
        _ask_once_each(server)
        answer = httpx.get(f"http://{server.rest_endpoint}{METRICS}")
    assert answer.headers["content-type"].startswith("text/plain")
    page = read_page(answer.text)
    requests = page.samples[":tensorflow:serving:request_count"]
    # The REST client also asked for the signatures; upstream counts that too.
    for status, count in (("OK", 3), ("INVALID_ARGUMENT", 1)):
        assert requests[frozenset({("model_name", MODEL), ("status", status)})] == count
    latency = ":tensorflow:serving:request_latency_count"
    for api, entrypoint in (("Predict", "GRPC"), ("predict", "REST")):
        labels = {"model_name": MODEL, "API": api, "entrypoint": entrypoint}
        assert page.value(latency, **labels) == 1
    state = {"model_name": MODEL, "version": "1"}
    assert page.value(":ktp:serving:model_state", **state) == 30


def test_the_page_is_where_the_file_says_and_knows_no_made_up_names(
    tmp_path: pathlib.Path,
) -> None:
    text = 'prometheus_config { enable: true path: "/metrics" }'
    config = _file(tmp_path / "monitoring.config", text)
    with FakeServer(tmp_path / "model", monitoring_config_file=config) as server:
        with (
            Client(server.grpc_endpoint) as client,
            pytest.raises(ServingError, match="not found"),
        ):
            client.predict({"x": np.float32([1])}, "made-up")
        page = httpx.get(f"http://{server.rest_endpoint}/metrics")
        assert httpx.get(f"http://{server.rest_endpoint}{METRICS}").status_code == 404
    labels = {"model_name": MODEL, "status": "FAILED_PRECONDITION"}
    counted = read_page(page.text).value(":tensorflow:serving:request_count", **labels)
    assert counted == 1
    assert "made-up" not in page.text


def test_without_a_monitoring_file_there_is_no_page(fake_server: FakeServer) -> None:
    answer = httpx.get(f"http://{fake_server.rest_endpoint}{METRICS}")
    assert answer.status_code == 404


def test_a_query_is_an_unexpected_path(tmp_path: pathlib.Path) -> None:
    config = _file(tmp_path / "monitoring.config", MONITORING)
    with FakeServer(tmp_path / "model", monitoring_config_file=config) as server:
        answer = httpx.get(f"http://{server.rest_endpoint}{METRICS}?x=1")
    assert answer.status_code == 400
    assert answer.text == f"Unexpected path: {METRICS}?x=1. Should be {METRICS}"


def test_the_access_log_has_a_line_per_request_with_its_times(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "access.jsonl"
    with FakeServer(tmp_path / "model", access_log_file=str(path)) as server:
        _ask_once_each(server)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    predictions = [e for e in entries if e["api"] in ("Predict", "predict")]
    over_grpc, over_rest, broken = predictions
    assert (over_grpc["entrypoint"], over_rest["entrypoint"]) == ("GRPC", "REST")
    for entry in (over_grpc, over_rest):
        known = (entry["model"], entry["version"], entry["signature"], entry["rows"])
        assert known == (MODEL, 1, "half", 2)
        assert entry["total_ms"] >= entry["queue_ms"] + entry["run_ms"] > 0
        assert entry["request_bytes"] > 0 < entry["response_bytes"]
        assert entry["peer"]
    assert (broken["status"], broken["error"][:10]) == (
        "INVALID_ARGUMENT",
        "JSON Parse",
    )


def test_samples_of_both_ports_warm_the_next_version_up(tmp_path: pathlib.Path) -> None:
    prefix = tmp_path / "samples"
    entry = f"""
      name: "{MODEL}" base_path: "{tmp_path / "model"}" model_platform: "tensorflow"
      logging_config {{
        log_collector_config {{ type: "file" filename_prefix: "{prefix}" }}
        sampling_config {{ sampling_rate: 1.0 }}
      }}
    """
    text = f"model_config_list {{ config {{ {entry} }} }}"
    config = _file(tmp_path / "models.config", text)
    with FakeServer(tmp_path / "model", model_config_file=config) as server:
        _ask_once_each(server)
        body = {"signature_name": "classify", "examples": [{"text": "a"}]}
        url = f"http://{server.rest_endpoint}/v1/models/{MODEL}:classify"
        assert httpx.post(url, json=body).status_code == 200
    (log,) = tmp_path.glob("samples*.tfrecord")
    logged = [protos.PredictionLog.FromString(r) for r in read_records(log)]
    kinds = [one.WhichOneof("log_type") for one in logged]
    assert kinds == ["predict_log", "predict_log", "classify_log"]
    inputs = [one.predict_log.request.inputs["x"] for one in logged[:2]]
    assert [tensors.decode(one).tolist() for one in inputs] == [[1, 3]] * 2
    warmup = tmp_path / "2" / "assets.extra" / "tf_serving_warmup_requests"
    warmup.parent.mkdir(parents=True)
    log.rename(warmup)
    assert _warmed_up(tmp_path / "2") == 3


def _warmed_up(path: pathlib.Path) -> int:
    report: Any = warm_up(FakeServable(), str(path))
    return int(getattr(report, "count", report))


def test_a_hang_up_signal_goes_on_in_a_new_access_log(tmp_path: pathlib.Path) -> None:
    (tmp_path / "model" / "1").mkdir(parents=True)
    path, port = tmp_path / "access.jsonl", free_port()
    command = [
        *(sys.executable, "-m", "tests.support.serving.fake_model_server"),
        *(f"--port={port}", f"--model_name={MODEL}", f"--access_log_file={path}"),
        f"--model_base_path={tmp_path / 'model'}",
    ]
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        Client(f"localhost:{port}", retries=50, deadline_s=30) as client,
    ):
        client.classify(["first"])
        path.rename(tmp_path / "access.1")
        process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "a new log")
        client.classify(["second"])
        process.terminate()
        assert process.wait(LONG_S) == 0
    assert "Predict" in (tmp_path / "access.1").read_text()
    assert "Predict" in path.read_text()
