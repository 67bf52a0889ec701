"""What clients and probes of both ports see while models load, fail and move on."""

import json
import pathlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import protos
from serving.client.wire import tensors
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.status import Code, StatusError
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.fakes import MODEL, FakeServable, FakeServer, fake_loader

BODY = b'{"signature_name": "half", "instances": [1.0]}'


def _rest(server: FakeServer, path: str, body: bytes | None = None) -> tuple[int, Any]:
    url = f"http://{server.rest_endpoint}{path}"
    try:
        with urllib.request.urlopen(url, body, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def _predict_rest(server: FakeServer) -> tuple[int, str]:
    status, answer = _rest(server, f"/v1/models/{MODEL}:predict", BODY)
    return status, answer.get("error", "")


def _grpc(server: FakeServer, method: str, request: Any, answer: Any) -> Any:
    with grpc.insecure_channel(server.grpc_endpoint) as channel:
        return channel.unary_unary(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )(request, timeout=10)


def _predict_grpc(server: FakeServer) -> tuple[str, str]:
    request = protos.PredictRequest(
        model_spec={"name": MODEL, "signature_name": "half"}
    )
    request.inputs["x"].CopyFrom(tensors.encode(np.float32([1])))
    method = f"/{protos.PREDICTION_SERVICE}/Predict"
    try:
        _grpc(server, method, request, protos.PredictResponse)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def _health(server: FakeServer) -> int:
    request, method = protos.HealthCheckRequest(), f"/{protos.HEALTH_SERVICE}/Check"
    return int(_grpc(server, method, request, protos.HealthCheckResponse).status)


def _states(server: FakeServer, name: str = MODEL) -> list[tuple[str, str]]:
    status, answer = _rest(server, f"/v1/models/{name}")
    assert status == 200
    versions = answer["model_version_status"]
    return [(one["version"], one["state"]) for one in versions]


def test_ports_that_open_at_once_are_unavailable_until_the_model_is_there(
    tmp_path: pathlib.Path, started: Callable[..., FakeServer]
) -> None:
    """With the flag; a client that tries again waits in both cases."""
    may_load = threading.Event()

    def slow(entry: ModelEntry, version: ServedVersion) -> FakeServable:
        may_load.wait(LONG_S)
        return fake_loader(entry, version)

    server = started(tmp_path, loader=slow, open_ports_at_once=True)
    wait_until(lambda: _rest(server, f"/v1/models/{MODEL}")[0] == 503)
    words = f"Servable not found for request: Latest({MODEL}). It is still loading"
    for code, told in (_predict_grpc(server), _predict_rest(server)):
        assert code in ("UNAVAILABLE", 503)
        assert told.startswith(words)
    assert _health(server) == 2
    assert _rest(server, "/readyz")[0] == 503
    assert _rest(server, "/healthz")[0] == 200
    # A probe of an existing manifest looks at the code, a person at the body.
    status, answer = _rest(server, f"/v1/models/{MODEL}")
    (version,) = answer["model_version_status"]
    assert (status, version["state"]) == (503, "LOADING")
    may_load.set()
    wait_until(lambda: _health(server) == 1)
    assert (_predict_grpc(server)[0], _predict_rest(server)[0]) == ("OK", 200)
    assert _rest(server, "/readyz")[0] == 200


def test_a_model_that_is_added_later_has_a_status_of_200_while_it_loads(
    tmp_path: pathlib.Path,
) -> None:
    """As upstream's, whose port is open by then."""
    may_load = threading.Event()

    def slow(entry: ModelEntry, version: ServedVersion) -> FakeServable:
        may_load.wait(0 if entry.name == MODEL else LONG_S)
        return fake_loader(entry, version)

    (tmp_path / "late" / "1").mkdir(parents=True)
    with FakeServer(tmp_path / "first", loader=slow) as server:
        wait_until(lambda: server.app.health.has_started)
        late = ModelEntry(name="late", base_path=str(tmp_path / "late"))
        server.app.manager.configure([*server.app.manager.entries.values(), late])
        wait_until(lambda: _rest(server, "/v1/models/late")[0] != 404)
        assert _rest(server, "/v1/models/late")[0] == 200
        wait_until(lambda: _states(server, "late") == [("1", "LOADING")])
        may_load.set()
        wait_until(lambda: _states(server, "late") == [("1", "AVAILABLE")])


def test_a_folder_without_versions_is_waited_for_as_long_as_it_takes(
    tmp_path: pathlib.Path, started: Callable[..., FakeServer]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    settings = {"model_base_path": str(empty), "open_ports_at_once": True}
    server = started(tmp_path / "model", **settings)
    wait_until(lambda: _predict_grpc(server)[0] == "NOT_FOUND")
    assert _health(server) == 2
    words = f"Could not find any versions of model {MODEL}"
    assert _rest(server, f"/v1/models/{MODEL}") == (404, {"error": words})
    (empty / "not-a-number").mkdir()
    (empty / "00000123").mkdir()
    wait_until(lambda: _health(server) == 1)
    assert _states(server) == [("123", "AVAILABLE")]


def _second_fails(entry: ModelEntry, version: ServedVersion) -> FakeServable:
    if version.number == 2:
        raise StatusError(Code.FAILED_PRECONDITION, "no kernel for FancyOp")
    return fake_loader(entry, version)


def test_status_is_200_with_the_error_of_a_version_that_failed(
    tmp_path: pathlib.Path,
) -> None:
    settings: Any = {"loader": _second_fails, "max_num_load_retries": 0}
    with FakeServer(tmp_path, **settings) as server:
        (tmp_path / "2").mkdir()
        wait_until(lambda: _states(server)[0] == ("2", "END"))
        assert _states(server) == [("2", "END"), ("1", "AVAILABLE")]
        _, answer = _rest(server, f"/v1/models/{MODEL}/versions/2")
        assert answer["model_version_status"][0]["status"] == {
            "error_code": "FAILED_PRECONDITION",
            "error_message": "no kernel for FancyOp",
        }
        # The version that works goes on, and so the server is ready.
        assert _predict_rest(server)[0] == 200
        assert _rest(server, "/readyz")[0] == 200


def test_old_versions_stay_in_the_status_newest_first(tmp_path: pathlib.Path) -> None:
    with FakeServer(tmp_path) as server:
        for number in (2, 3):
            (tmp_path / str(number)).mkdir()
            ended = [(str(n), "END") for n in reversed(range(1, number))]
            expected = [(str(number), "AVAILABLE"), *ended]
            wait_until(lambda wanted=expected: _states(server) == wanted)
        one, _ = _rest(server, f"/v1/models/{MODEL}/versions/1:predict", BODY)
        assert one == 404


MODELS = """
model_config_list {{ config {{
  name: "{name}" base_path: "{path}" model_platform: "tensorflow"
  model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
  version_labels {{ key: "stable" value: 1 }}
  version_labels {{ key: "canary" value: 2 }}
}} }}
"""


def test_a_label_in_the_config_answers_rest_once_its_version_is_there(
    tmp_path: pathlib.Path,
) -> None:
    config = tmp_path / "models.config"
    config.write_text(MODELS.format(name=MODEL, path=tmp_path / "model"))
    path = f"/v1/models/{MODEL}/labels/{{}}:predict"
    with FakeServer(tmp_path / "model", model_config_file=str(config)) as server:
        assert _rest(server, path.format("stable"), BODY)[0] == 200
        status, answer = _rest(server, path.format("canary"), BODY)
        assert status == 400
        words = "Unrecognized servable version label: canary"
        assert answer["error"].startswith(words)
        (tmp_path / "model" / "2").mkdir()
        wait_until(lambda: _rest(server, path.format("canary"), BODY)[0] == 200)


def test_channel_arguments_reach_the_grpc_server(tmp_path: pathlib.Path) -> None:
    arguments = "grpc.max_receive_message_length=10,grpc.max_connection_age_ms=2000"
    with FakeServer(tmp_path, grpc_channel_arguments=arguments) as server:
        code, told = _predict_grpc(server)
    assert code == "RESOURCE_EXHAUSTED"
    assert "vs. 10)" in told


@pytest.mark.parametrize("has_flag", [False, True])
def test_the_health_service_is_there_with_the_flag_only(
    tmp_path: pathlib.Path, has_flag: bool
) -> None:
    with FakeServer(tmp_path, enable_grpc_healthcheck_service=has_flag) as server:
        if has_flag:
            assert _health(server) == 1
            return
        with pytest.raises(grpc.RpcError) as caught:
            _health(server)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_method_name_is_checked_with_the_flag_only(tmp_path: pathlib.Path) -> None:
    request = protos.ClassificationRequest(
        model_spec={"name": MODEL, "signature_name": "classify"},
        input={"example_list": {"examples": [{}]}},
    )
    call = f"/{protos.PREDICTION_SERVICE}/Classify", request
    with FakeServer(tmp_path) as server:
        assert _grpc(server, *call, protos.ClassificationResponse).result
    with (
        FakeServer(tmp_path, enable_signature_method_name_check=True) as server,
        pytest.raises(grpc.RpcError) as caught,
    ):
        _grpc(server, *call, protos.ClassificationResponse)
    assert caught.value.details() == (
        "Expected classification signature method_name to be "
        "tensorflow/serving/classify. Was: "
    )
