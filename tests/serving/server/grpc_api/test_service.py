"""gRPC: what only gRPC has, asked with raw messages."""

import concurrent.futures
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import protos
from serving.client.wire import tensors
from tests.support.patience import wait_until
from tests.support.serving.fakes import MODEL, FakeServer
from tests.support.serving.server.model_world import wait_settled

RESPONSES = {
    "Predict": "PredictResponse",
    "GetModelMetadata": "GetModelMetadataResponse",
    "GetModelStatus": "GetModelStatusResponse",
    "Check": "HealthCheckResponse",
}


def _call(server: FakeServer, service: str, method: str, request: Any) -> Any:
    response = getattr(protos, RESPONSES[method])
    with grpc.insecure_channel(server.grpc_endpoint) as channel:
        ask: Callable[..., Any] = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return ask(request, timeout=10)


def _predict(server: FakeServer, request: Any) -> Any:
    return _call(server, protos.PREDICTION_SERVICE, "Predict", request)


def _half(**model_spec: Any) -> Any:
    spec = {"name": MODEL, "signature_name": "half", **model_spec}
    request = protos.PredictRequest(model_spec=spec)
    request.inputs["x"].CopyFrom(tensors.encode(np.float32([1, 3])))
    return request


def _error(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code().name, caught.value.details()


def test_the_answer_names_model_version_and_signature(fake_server: FakeServer) -> None:
    spec = _predict(fake_server, _half()).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == (MODEL, 1, "half")


def test_outputs_are_typed_fields_unless_the_flag_says_content(
    fake_server: FakeServer, tmp_path: pathlib.Path
) -> None:
    assert list(_predict(fake_server, _half()).outputs["y"].float_val) == [0.5, 1.5]
    with FakeServer(tmp_path, enable_serialization_as_tensor_content=True) as server:
        tensor = _predict(server, _half()).outputs["y"]
    assert tensor.tensor_content
    assert not tensor.float_val


@pytest.mark.parametrize(
    "request_message, code, details",
    [
        (protos.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (
            protos.PredictRequest(model_spec={"signature_name": "half"}),
            "INVALID_ARGUMENT",
            "ModelSpec has no name specified.",
        ),
        (
            _half(signature_name="s"),
            "FAILED_PRECONDITION",
            'Serving signature key "s" not found.',
        ),
        (
            _half(version_label="new"),
            "INVALID_ARGUMENT",
            "Unrecognized servable version label: new",
        ),
    ],
)
def test_a_wrong_request_has_upstream_s_code_and_words(
    fake_server: FakeServer, request_message: Any, code: str, details: str
) -> None:
    assert _error(lambda: _predict(fake_server, request_message)) == (code, details)


def test_a_malformed_tensor_is_named(fake_server: FakeServer) -> None:
    request = _half()
    request.inputs["x"].tensor_content = b"123"
    code, details = _error(lambda: _predict(fake_server, request))
    assert code == "INVALID_ARGUMENT"
    assert details.startswith("tensor parsing error: x")


def test_long_error_texts_are_cut(fake_server: FakeServer) -> None:
    _, details = _error(lambda: _predict(fake_server, _half(signature_name="s" * 2000)))
    assert len(details) == 1024 + len("...TRUNCATED")
    assert details.endswith("s...TRUNCATED")


@pytest.mark.parametrize(
    "fields, details",
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["other"], "Metadata field other is not supported"),
    ],
)
def test_metadata_knows_one_field(
    fake_server: FakeServer, fields: list[str], details: str
) -> None:
    request = protos.GetModelMetadataRequest(
        model_spec={"name": MODEL}, metadata_field=fields
    )
    service = protos.PREDICTION_SERVICE
    error = _error(lambda: _call(fake_server, service, "GetModelMetadata", request))
    assert error == ("INVALID_ARGUMENT", details)


@pytest.mark.parametrize("service", ["", "PredictionService", "ModelService", MODEL])
def test_the_health_check_knows_services_and_models(
    fake_server: FakeServer, service: str
) -> None:
    request = protos.HealthCheckRequest(service=service)
    assert _call(fake_server, protos.HEALTH_SERVICE, "Check", request).status == 1


def test_the_health_check_does_not_know_others(fake_server: FakeServer) -> None:
    request = protos.HealthCheckRequest(service="other")
    code, _ = _error(
        lambda: _call(fake_server, protos.HEALTH_SERVICE, "Check", request)
    )
    assert code == "NOT_FOUND"


def test_a_call_that_is_not_offered_is_unimplemented(fake_server: FakeServer) -> None:
    request = protos.GetModelStatusRequest()
    code, _ = _error(
        lambda: _call(fake_server, "tensorflow.serving.Nope", "GetModelStatus", request)
    )
    assert code == "UNIMPLEMENTED"


def test_running_requests_finish_while_the_server_stops(tmp_path: pathlib.Path) -> None:
    request = protos.PredictRequest(
        model_spec={"name": MODEL, "signature_name": "sleep"}
    )
    request.inputs["seconds"].CopyFrom(tensors.encode(np.float32(0.7)))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with FakeServer(tmp_path) as server:
            pending = pool.submit(_predict, server, request)
            server.naps.wait_for(1)
        assert pending.result().outputs["version"].int64_val[0] == 1


def test_a_stop_sends_busy_clients_elsewhere_and_cancels_none(
    tmp_path: pathlib.Path,
) -> None:
    """UNAVAILABLE is repeated by clients; CANCELLED, gRPC's own way, by none."""
    answered = threading.Semaphore(0)

    def ask_until_refused(server: FakeServer) -> str:
        with grpc.insecure_channel(server.grpc_endpoint) as channel:
            ask = channel.unary_unary(f"/{protos.PREDICTION_SERVICE}/Predict")
            content = _half().SerializeToString()
            while True:
                try:
                    ask(content, timeout=10)
                    answered.release()
                except grpc.RpcError as error:
                    return str(error.code().name)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        with FakeServer(tmp_path) as server:
            pending = [pool.submit(ask_until_refused, server) for _ in range(8)]
            assert all(answered.acquire(timeout=60) for _ in range(200))
        assert [one.result(20) for one in pending] == ["UNAVAILABLE"] * 8


def test_a_swap_fails_no_request(tmp_path: pathlib.Path) -> None:
    """Four threads ask without pause while ten versions come and the old ones go."""
    with FakeServer(tmp_path) as server:
        stop = concurrent.futures.Future[None]()
        seen: set[int] = set()

        def ask() -> None:
            while not stop.done():
                seen.add(_predict(server, _half()).model_spec.version.value)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            pending = [pool.submit(ask) for _ in range(4)]
            try:
                for version in range(2, 12):
                    (tmp_path / str(version)).mkdir()
                    server.app.manager.reconcile()
                    assert wait_settled(server.app.manager, 5)
                    wait_until(lambda wanted=version: wanted in seen, f"{version}")
            finally:
                stop.set_result(None)
            for one in pending:
                one.result(20)
    assert seen >= set(range(2, 12))
