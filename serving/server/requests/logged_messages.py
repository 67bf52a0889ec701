"""The messages of a request that is kept, whichever transport brought it."""

from collections.abc import Mapping

import numpy as np

from serving.client import protos
from serving.client.wire import tensors
from serving.server.models.version import ServedVersion
from serving.server.observation.request_log import RequestLogger
from serving.server.requests.plans import Call, Plan
from serving.server.requests.results import Classes, Values

Arrays = Mapping[str, np.ndarray]


def log_predict(
    logger: RequestLogger, version: ServedVersion, call: Call, found: Arrays
) -> None:
    """Keeps a Predict request; its messages are built in the writer's thread."""

    def request() -> "protos.PredictRequest":
        message = protos.PredictRequest(output_filter=call.outputs)
        _fill_spec(message.model_spec, version, call.signature_name)
        for alias, array in call.inputs.items():
            message.inputs[alias].CopyFrom(tensors.encode(array))
        return message

    def response() -> "protos.PredictResponse":
        message = protos.PredictResponse()
        _fill_spec(message.model_spec, version, call.signature_name)
        for alias, array in found.items():
            message.outputs[alias].CopyFrom(tensors.encode(array))
        return message

    size = sum(a.nbytes for a in (*call.inputs.values(), *found.values()))
    logger.log_predict(version, request, response, size)


def log_inference(
    logger: RequestLogger,
    version: ServedVersion,
    plan: Plan,
    message: "protos.Input",
    result: Classes | Values,
) -> None:
    """Keeps a Classify or a Regress request, of which `message` is the `Input`."""
    if plan.is_classify:
        request = protos.ClassificationRequest(input=message)
        response = protos.ClassificationResponse(result=result.message())
    else:
        request = protos.RegressionRequest(input=message)
        response = protos.RegressionResponse(result=result.message())
    for one in (request, response):
        _fill_spec(one.model_spec, version, plan.call.signature_name)
    logger.log(version, request, response)


def _fill_spec(
    spec: "protos.ModelSpec", version: ServedVersion, signature_name: str
) -> None:
    spec.name = version.model_name
    spec.version.value = version.number
    spec.signature_name = signature_name
