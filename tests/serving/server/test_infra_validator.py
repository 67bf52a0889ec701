"""TFX's InfraValidator asks the embedded server as it asks tensorflow_model_server."""

import time
from typing import Any

import pytest

from tests.support.patience import LONG_S
from tests.support.serving.fakes import FakeServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def make_client() -> Any:
    """TFX's client class. Importing TFX takes tens of seconds."""
    from tfx.components.infra_validator.model_server_clients import (
        tensorflow_serving_client,
    )

    return tensorflow_serving_client.TensorFlowServingClient


def _requests() -> list[Any]:
    import tensorflow as tf
    from tensorflow_serving.apis import (
        classification_pb2,
        predict_pb2,
        regression_pb2,
    )

    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(2.0)
    examples = {"example_list": {"examples": [example]}}
    predict = predict_pb2.PredictRequest(model_spec={"name": "half_plus_two"})
    predict.inputs["x"].CopyFrom(tf.make_tensor_proto([2.0]))
    kinds = {
        "classify": classification_pb2.ClassificationRequest,
        "regress": regression_pb2.RegressionRequest,
    }
    inferences = [
        make(
            model_spec={"name": "half_plus_two", "signature_name": f"{kind}_x_to_y"},
            input=examples,
        )
        for kind, make in kinds.items()
    ]
    return [predict, *inferences]


def test_infra_validator_s_client_blesses_a_loaded_model(
    half_plus_two: FakeServer, make_client: Any
) -> None:
    from tfx.components.infra_validator import types

    client = make_client(half_plus_two.grpc_endpoint, "half_plus_two")
    client.WaitUntilModelLoaded(deadline=time.time() + LONG_S, polling_interval_sec=1)
    assert client._GetServingStatus() is types.ModelServingStatus.READY
    client.SendRequests(_requests())


def test_infra_validator_s_client_refuses_a_model_that_answers_errors(
    half_plus_two: FakeServer, make_client: Any
) -> None:
    from tfx.components.infra_validator import error_types

    client = make_client(half_plus_two.grpc_endpoint, "half_plus_two")
    (request, *_) = _requests()
    request.inputs["x"].dtype = 3
    with pytest.raises(error_types.ValidationFailed):
        client.SendRequests([request])
