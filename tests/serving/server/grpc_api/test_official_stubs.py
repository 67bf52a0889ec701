"""A client made of tensorflow-serving-api's own stubs notices no difference over gRPC.

Requests are those of TF Serving's own tests and tutorials.
"""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from tests.support.serving.fakes import FakeServer

# Importing TensorFlow and building the first model takes long on a busy machine.
pytestmark = pytest.mark.timeout(300)

NAME = "half_plus_two"


class Stubs:
    """Both services, as generated code offers them."""

    def __init__(self, channel: grpc.Channel) -> None:
        from tensorflow_serving.apis import (
            model_service_pb2_grpc,
            prediction_service_pb2_grpc,
        )

        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(channel)

    def predict(
        self, name: str = NAME, filter: Any = (), spec: Any = None, **inputs: Any
    ) -> Any:
        """A Predict call with `tf.make_tensor_proto` of each input."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(model_spec={"name": name, **(spec or {})})
        request.output_filter.extend(filter)
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
        return self.prediction.Predict(request, 10)


@pytest.fixture(scope="module")
def stubs(half_plus_two: FakeServer) -> Iterator[Stubs]:
    """Stubs on a channel to the server."""
    with grpc.insecure_channel(half_plus_two.grpc_endpoint) as channel:
        yield Stubs(channel)


def _example_input(**features: float) -> dict[str, Any]:
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in features.items():
        example.features.feature[name].float_list.value.append(value)
    return {"example_list": {"examples": [example]}}


def _infer(stubs: Stubs, method: str, signature: str, **features: float) -> Any:
    from tensorflow_serving.apis import classification_pb2, regression_pb2

    kinds = {
        "Classify": classification_pb2.ClassificationRequest,
        "Regress": regression_pb2.RegressionRequest,
    }
    request = kinds[method](
        model_spec={"name": NAME, "signature_name": signature},
        input=_example_input(**features),
    )
    return getattr(stubs.prediction, method)(request, 10)


def _error(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code().name, caught.value.details()


def test_predict_reads_and_writes_tensorflow_s_tensors(stubs: Stubs) -> None:
    import tensorflow as tf

    response = stubs.predict(x=[[2.0], [3.0]])
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [[3.0], [3.5]]
    assert list(response.outputs["y"].float_val) == [3.0, 3.5]
    spec = response.model_spec
    known = (spec.name, spec.signature_name, spec.version.value)
    assert known == (NAME, "serving_default", 123)


def test_a_shape_other_than_the_signature_s_is_left_to_the_model(stubs: Stubs) -> None:
    """Upstream's own client sends [1] to a signature of [-1, 1]."""
    assert list(stubs.predict(x=[2.0]).outputs["y"].float_val) == [3.0]


@pytest.mark.parametrize(
    "spec, version",
    [
        ({}, 2),
        ({"version": {"value": 1}}, 1),
        ({"version_label": "stable"}, 1),
        ({"version_label": "canary"}, 2),
    ],
)
def test_predict_finds_a_version_by_number_and_by_label(
    stubs: Stubs, spec: dict[str, Any], version: int
) -> None:
    response = stubs.predict("numbers", spec=spec, x=[2.0])
    assert response.model_spec.version.value == version
    assert list(response.outputs["y"].float_val) == [1.0 + version]


def test_defaults_of_the_signature_fill_what_a_request_leaves_out(stubs: Stubs) -> None:
    times = {"signature_name": "times"}
    given = stubs.predict(spec=times, x=[[2.0]], factor=5.0)
    left_out = stubs.predict(spec=times, x=[[2.0]])
    answers = [one.outputs["y"].float_val[0] for one in (given, left_out)]
    assert answers == [10.0, 6.0]


def test_an_output_filter_leaves_the_other_outputs_out(stubs: Stubs) -> None:
    import numpy as np

    inputs = {"a": np.ones((1, 2), np.float32), "b": np.int64([3])}
    response = stubs.predict("numbers", ["b"], {"signature_name": "two"}, **inputs)
    assert list(response.outputs) == ["b"]
    assert list(response.outputs["b"].int64_val) == [3]


@pytest.mark.parametrize(
    "filter, inputs, details",
    [
        ((), {"x": [2]}, "Expects arg[0] to be float but int32 is provided"),
        (
            (),
            {"x": [2.0], "z": [1.0]},
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
            "Sent extra: {z}. Missing but required: {}.",
        ),
        (
            (),
            {"z": [2.0]},
            "Signature input alias: x(feed name: x:0) not found in request and no "
            "default value provided. Inputs expected to be in the request {z}, or "
            "default input alias set: ",
        ),
        (
            ["a"],
            {"x": [2.0]},
            "output tensor alias not found in signature: a Outputs expected to be in "
            "the set {y}.",
        ),
        (["y", "y"], {"x": [2.0]}, "duplicate output tensor alias: y"),
    ],
)
def test_a_wrong_predict_has_upstream_s_words(
    stubs: Stubs, filter: Any, inputs: dict[str, Any], details: str
) -> None:
    code, words = _error(lambda: stubs.predict(filter=filter, **inputs))
    assert (code, words[: len(details)]) == ("INVALID_ARGUMENT", details)


def test_classify_and_regress_read_tf_examples(stubs: Stubs) -> None:
    classified = _infer(stubs, "Classify", "classify_x_to_y", x=2.0)
    (row,) = classified.result.classifications
    assert [(one.label, one.score) for one in row.classes] == [("", 3.0)]
    assert classified.model_spec.version.value == 123
    regressed = _infer(stubs, "Regress", "regress_x_to_y", x=2.0)
    assert [one.value for one in regressed.result.regressions] == [3.0]
    assert regressed.model_spec.signature_name == "regress_x_to_y"


@pytest.mark.parametrize(
    "method, signature, details",
    [
        (
            "Regress",
            "regress_x_to_y",
            "Name: <unknown>, Feature: x (data type: float) ",
        ),
        ("Regress", "bad_regress", "Expects arg[0] to be float but string is provided"),
        ("Regress", "classify_x_to_y", "No regression outputs found in SignatureDef: "),
        ("Classify", "", "No classification inputs found in SignatureDef: "),
        ("Classify", "s", "No signature was found with the name: s"),
    ],
)
def test_a_wrong_classify_or_regress_has_upstream_s_words(
    stubs: Stubs, method: str, signature: str, details: str
) -> None:
    code, words = _error(lambda: _infer(stubs, method, signature, other=2.0))
    assert (code, words[: len(details)]) == ("INVALID_ARGUMENT", details)


def test_multi_inference_answers_both_tasks_from_one_example(stubs: Stubs) -> None:
    from tensorflow_serving.apis import inference_pb2

    request = inference_pb2.MultiInferenceRequest(input=_example_input(x=2.0))
    for kind in ("regress", "classify"):
        spec = {"name": NAME, "signature_name": f"{kind}_x_to_y"}
        request.tasks.add(model_spec=spec, method_name=f"tensorflow/serving/{kind}")
    first, second = stubs.prediction.MultiInference(request, 10).results
    assert first.regression_result.regressions[0].value == 3.0
    assert second.classification_result.classifications[0].classes[0].score == 3.0
    assert second.model_spec.signature_name == "classify_x_to_y"


@pytest.mark.parametrize(
    "name, signatures",
    [
        (NAME, {"serving_default", "regress_x_to_y", "classify_x_to_y", "times"}),
        ("numbers", {"serving_default", "two", "__saved_model_init_op"}),
    ],
)
def test_metadata_has_every_signature_even_the_init_op(
    stubs: Stubs, name: str, signatures: set[str]
) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec={"name": name}, metadata_field=["signature_def"]
    )
    response = stubs.prediction.GetModelMetadata(request, 10)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    assert set(found.signature_def) >= signatures
    assert response.model_spec.name == name


def test_status_ignores_the_label_and_knows_the_number(stubs: Stubs) -> None:
    from tensorflow_serving.apis import get_model_status_pb2

    spec = {"name": NAME, "version_label": "made-up"}
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    (version,) = stubs.model.GetModelStatus(request, 10).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert (version.version, version.state) == (123, available)
    assert version.status.error_code == 0


@pytest.mark.parametrize(
    "spec, details",
    [
        ({"name": "m"}, "Could not find any versions of model m"),
        (
            {"name": NAME, "version": {"value": 7}},
            f"Could not find version 7 of model {NAME}",
        ),
    ],
)
def test_status_of_what_never_was_is_not_found(
    stubs: Stubs, spec: Any, details: str
) -> None:
    from tensorflow_serving.apis import get_model_status_pb2

    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    error = _error(lambda: stubs.model.GetModelStatus(request, 10))
    assert error == ("NOT_FOUND", details)


def test_five_megabytes_come_in_although_grpc_takes_four_by_default(
    stubs: Stubs,
) -> None:
    spec = {"signature_name": "echo"}
    response = stubs.predict("numbers", ["size"], spec, raw=["a" * 5_000_000])
    assert list(response.outputs["size"].int_val) == [5_000_000]


def test_the_client_s_deadline_ends_a_slow_run(stubs: Stubs) -> None:
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(
        model_spec={"name": "numbers", "signature_name": "slow"}
    )
    request.inputs["rounds"].dtype = 3
    request.inputs["rounds"].tensor_shape.dim.add(size=1)
    request.inputs["rounds"].int_val.append(20_000)
    code, _ = _error(lambda: stubs.prediction.Predict(request, 0.2))
    assert code == "DEADLINE_EXCEEDED"
