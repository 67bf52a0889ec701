"""Classify, Regress, MultiInference, reload and the health stream, over gRPC."""

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from serving.client import protos
from tests.support.serving.fakes import MODEL, FakeServable, FakeServer

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.fixture(scope="module")
def channel(fake_server: FakeServer) -> Iterator[grpc.Channel]:
    """A channel to the server that only answers."""
    with grpc.insecure_channel(fake_server.grpc_endpoint) as opened:
        yield opened


def _call(channel: grpc.Channel, method: str, request: Any) -> Any:
    services = (protos.PREDICTION_SERVICE, protos.MODEL_SERVICE)
    (found,) = (
        descriptor
        for service in map(protos.pool().FindServiceByName, services)
        if (descriptor := service.methods_by_name.get(method)) is not None
    )
    ask: Callable[..., Any] = channel.unary_unary(
        f"/{found.containing_service.full_name}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=protos.message_class(
            found.output_type.full_name
        ).FromString,
    )
    return ask(request, timeout=10)


def _error(channel: grpc.Channel, method: str, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, method, request)
    return caught.value.code().name, caught.value.details()


def _examples(*texts: str) -> Any:
    message = protos.Input()
    for text in texts:
        example = message.example_list.examples.add()
        example.features.feature["text"].bytes_list.value.append(text.encode())
    return message


def _spec(signature_name: str = "", name: str = MODEL) -> dict[str, str]:
    return {"name": name, "signature_name": signature_name}


def test_classify_answers_every_class_of_every_example(channel: grpc.Channel) -> None:
    request = protos.ClassificationRequest(
        model_spec=_spec("classify"), input=_examples("a", "long text")
    )
    response = _call(channel, "Classify", request)
    rows = response.result.classifications
    assert [[one.label for one in row.classes] for row in rows] == [
        ["billing", "returns"],
        ["billing", "returns"],
    ]
    assert rows[0].classes[0].score > rows[1].classes[0].score
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == (
        MODEL,
        1,
        "classify",
    )


def test_without_a_signature_name_the_answer_names_the_default(
    tmp_path: pathlib.Path,
) -> None:
    def load(entry: Any, version: Any) -> FakeServable:
        loaded = FakeServable(version.number)
        loaded.signatures["serving_default"] = loaded.signatures["classify"]
        loaded.run = lambda name, *rest: FakeServable.run(loaded, "classify", *rest)
        return loaded

    with (
        FakeServer(tmp_path, loader=load) as server,
        grpc.insecure_channel(server.grpc_endpoint) as opened,
    ):
        spec, examples = _spec(), _examples("a")
        request = protos.ClassificationRequest(model_spec=spec, input=examples)
        response = _call(opened, "Classify", request)
        task = {"model_spec": spec, "method_name": CLASSIFY}
        multi = protos.MultiInferenceRequest(tasks=[task], input=examples)
        (result,) = _call(opened, "MultiInference", multi).results
    assert response.model_spec.signature_name == "serving_default"
    assert result.model_spec.signature_name == "serving_default"


def test_regress_answers_one_value_per_example(channel: grpc.Channel) -> None:
    request = protos.RegressionRequest(
        model_spec=_spec("regress"), input=_examples("a", "long text")
    )
    values = [
        one.value for one in _call(channel, "Regress", request).result.regressions
    ]
    assert len(values) == 2
    assert values[0] < values[1]


def test_multi_inference_answers_every_task_with_its_model_spec(
    channel: grpc.Channel,
) -> None:
    tasks = [
        {"model_spec": _spec("classify"), "method_name": CLASSIFY},
        {"model_spec": _spec("regress"), "method_name": REGRESS},
    ]
    request = protos.MultiInferenceRequest(tasks=tasks, input=_examples("a"))
    first, second = _call(channel, "MultiInference", request).results
    assert first.WhichOneof("result") == "classification_result"
    assert second.WhichOneof("result") == "regression_result"
    assert (first.model_spec.signature_name, first.model_spec.version.value) == (
        "classify",
        1,
    )


@pytest.mark.parametrize(
    "method, request_message, code, details",
    [
        (
            "Classify",
            protos.ClassificationRequest(model_spec=_spec("classify")),
            "INVALID_ARGUMENT",
            "Input is empty.",
        ),
        (
            "Classify",
            protos.ClassificationRequest(model_spec=_spec("s"), input=_examples("a")),
            "INVALID_ARGUMENT",
            "No signature was found with the name: s",
        ),
        (
            "Regress",
            protos.RegressionRequest(model_spec=_spec("", "no"), input=_examples("a")),
            "NOT_FOUND",
            "Servable not found for request: Latest(no)",
        ),
        (
            "MultiInference",
            protos.MultiInferenceRequest(input=_examples("a")),
            "INVALID_ARGUMENT",
            "ModelSpec has no name specified.",
        ),
        (
            "MultiInference",
            protos.MultiInferenceRequest(
                tasks=[{"model_spec": _spec("classify"), "method_name": "other"}],
                input=_examples("a"),
            ),
            "UNIMPLEMENTED",
            "Unsupported signature method_name: other",
        ),
    ],
)
def test_a_wrong_request_has_upstream_s_code_and_words(
    channel: grpc.Channel, method: str, request_message: Any, code: str, details: str
) -> None:
    assert _error(channel, method, request_message) == (code, details)


def test_bytes_that_are_no_message_are_the_client_s_fault(
    channel: grpc.Channel,
) -> None:
    ask = channel.unary_unary(f"/{protos.PREDICTION_SERVICE}/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        ask(b"\xff\xff\xff", timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "3 bytes received are no Predict request" in caught.value.details()


def _reload(*models: tuple[str, pathlib.Path]) -> Any:
    request = protos.ReloadConfigRequest()
    for name, path in models:
        request.config.model_config_list.config.add(
            name=name, base_path=str(path), model_platform="tensorflow"
        )
    return request


def test_a_reload_answers_when_the_new_model_does(tmp_path: pathlib.Path) -> None:
    new = tmp_path / "new"
    (new / "3").mkdir(parents=True)
    with (
        FakeServer(tmp_path / "old") as server,
        grpc.insecure_channel(server.grpc_endpoint) as channel,
    ):
        request = _reload(("new", new))
        loads = "/tensorflow/cc/saved_model/load_attempt_count"
        request.metric_names.extend([loads, "/no/such/metric"])
        response = _call(channel, "HandleReloadConfigRequest", request)
        assert response.status.error_code == 0
        increases = {m.name: m.int64_value_increase for m in response.metric}
        assert increases.keys() == {loads, "/no/such/metric"}
        assert increases["/no/such/metric"] == 0
        status = protos.GetModelStatusRequest(model_spec=_spec(name="new"))
        (version,) = _call(channel, "GetModelStatus", status).model_version_status
        assert (version.version, version.state) == (3, 30)


def test_a_reload_without_a_list_is_refused(channel: grpc.Channel) -> None:
    code, details = _error(
        channel, "HandleReloadConfigRequest", protos.ReloadConfigRequest()
    )
    assert code == "INVALID_ARGUMENT"
    assert details.startswith(
        "ServerModelConfig type not supported by HandleReloadConfigRequest. "
        "Only ModelConfigList is currently supported"
    )


def test_a_watch_tells_every_change_and_ends_with_the_server(
    tmp_path: pathlib.Path,
) -> None:
    seen: list[int] = []
    with FakeServer(tmp_path) as server:
        channel = grpc.insecure_channel(server.grpc_endpoint)
        stream = channel.unary_stream(
            f"/{protos.HEALTH_SERVICE}/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=protos.HealthCheckResponse.FromString,
        )(protos.HealthCheckRequest(service=MODEL), timeout=20)
        is_serving = threading.Event()

        def read() -> None:
            for answer in stream:
                seen.append(answer.status)
                is_serving.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert is_serving.wait(10)
    reader.join(10)
    channel.close()
    assert seen == [1, 2]


def test_a_watch_of_an_unknown_service_waits_for_it(channel: grpc.Channel) -> None:
    stream = channel.unary_stream(
        f"/{protos.HEALTH_SERVICE}/Watch",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=protos.HealthCheckResponse.FromString,
    )(protos.HealthCheckRequest(service="other"), timeout=10)
    assert next(iter(stream)).status == 3
    stream.cancel()
