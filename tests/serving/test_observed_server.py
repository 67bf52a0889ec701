"""What a whole server shows and logs of the requests that came over both ports."""

import json
import pathlib
import urllib.error
import urllib.request

import grpc
import pytest

from model import contract
from serving import codec, protos
from serving.server.tfrecord import read_records
from tests.serving.fakes import MODEL, FakeServer
from tests.serving.observed import finished

MONITORING = 'prometheus_config { enable: true path: "/metrics" }'
MODELS = """
model_config_list { config {
  name: "NAME" base_path: "FOLDER/model" model_platform: "tensorflow"
  logging_config {
    log_collector_config { filename_prefix: "FOLDER/requests" }
    sampling_config { sampling_rate: 1 }
  }
} }
"""


def observed_server(folder: pathlib.Path) -> FakeServer:
    """A server with everything turned on, its files in `folder`."""
    models = MODELS.replace("NAME", MODEL).replace("FOLDER", str(folder))
    (folder / "models.config").write_text(models)
    (folder / "monitoring.config").write_text(MONITORING)
    return FakeServer(
        folder / "model",
        model_config_file=str(folder / "models.config"),
        monitoring_config_file=str(folder / "monitoring.config"),
        access_log_file=str(folder / "access.log"),
    )


def predict_grpc(server: FakeServer, signature_name: str = "") -> None:
    request = protos.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = signature_name
    request.inputs[contract.TEXT].CopyFrom(codec.encode(["hello", "you"]))
    with grpc.insecure_channel(server.grpc_endpoint) as channel:
        call = channel.unary_unary(f"/{protos.PREDICTION_SERVICE}/Predict")
        call(request.SerializeToString(), timeout=10)


def get(server: FakeServer, path: str, body: bytes | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"http://{server.rest_endpoint}{path}", body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ask(server: FakeServer) -> None:
    """One request over each port, and one that fails."""
    predict_grpc(server)
    with pytest.raises(grpc.RpcError):
        predict_grpc(server, "made-up")
    path = f"/v1/models/{MODEL}:predict"
    assert get(server, path, b'{"instances": ["hi"]}')[0] == 200


def test_the_metrics_page_counts_both_ports(tmp_path: pathlib.Path) -> None:
    with observed_server(tmp_path) as server:
        ask(server)
        status, page = get(server, "/metrics")
        refused = get(server, "/metrics?x=1")
    assert status == 200
    count = f':tensorflow:serving:request_count{{model_name="{MODEL}",status='
    assert f'{count}"OK"}} 2\n' in page
    assert f'{count}"FAILED_PRECONDITION"}} 1\n' in page
    latency = f':tensorflow:serving:request_latency_count{{model_name="{MODEL}",API='
    assert f'{latency}"Predict",entrypoint="GRPC"}} 1\n' in page
    assert f'{latency}"predict",entrypoint="REST"}} 1\n' in page
    assert f':model_state{{model_name="{MODEL}",version="1"}} 30\n' in page
    assert "made-up" not in page
    assert refused == (400, "Unexpected path: /metrics?x=1. Should be /metrics")


def test_requests_of_both_ports_are_in_both_logs_after_the_stop(
    tmp_path: pathlib.Path,
) -> None:
    with observed_server(tmp_path) as server:
        ask(server)
    lines = [json.loads(s) for s in (tmp_path / "access.log").read_text().splitlines()]
    told = [(line["api"], line["rows"], line["status"]) for line in lines]
    assert ("Predict", 2, "OK") in told
    assert ("predict", 1, "OK") in told
    assert [status for _, _, status in told].count("FAILED_PRECONDITION") == 1
    assert all(line["total_ms"] > 0 and line["peer"] for line in lines)
    assert sampled_texts(tmp_path) == [[b"hello", b"you"], [b"hi"]]


def sampled_texts(folder: pathlib.Path) -> list[list[bytes]]:
    records = [record for path in finished(folder) for record in read_records(path)]
    logs = [protos.PredictionLog.FromString(record) for record in records]
    inputs = [log.predict_log.request.inputs[contract.TEXT] for log in logs]
    return [codec.decode(tensor).tolist() for tensor in inputs]
