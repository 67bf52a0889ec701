"""gRPC: each method parses a message, has the handler predict, and writes another."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import grpc

from serving.client import protos
from serving.client.wire import tensors
from serving.server import upstream_texts
from serving.server.models.version import ServedVersion
from serving.server.requests import plans
from serving.server.requests.handler import ModelRef, RequestHandler, RequestUnderWay
from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.requests.predict_checks import decode_inputs, signature_map
from serving.server.requests.results import Classes, Values


class Context(Protocol):
    """What is asked of gRPC's `ServicerContext`."""

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one."""

    def peer(self) -> str:
        """Returns the client's address."""

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """Ends the call with an error."""


Method = Callable[[Any, Context, RequestUnderWay], Awaitable[Any]]
"""From a message to a message."""


class GrpcService:
    """PredictionService and ModelService.

    Args:
        handler: answers.
        tensor_content: write outputs as `tensor_content`, not as typed fields.
        reload_limit_s: how long a reload may take when its client sets no deadline.
        read_counter: the value of a metric, whose increase a reload may ask for.
    """

    def __init__(
        self,
        handler: RequestHandler,
        *,
        tensor_content: bool = False,
        reload_limit_s: float = 600.0,
        read_counter: Callable[[str], int] = lambda name: 0,
    ) -> None:
        self._handler = handler
        self._typed_fields = not tensor_content
        self._reload_limit_s = reload_limit_s
        self._read_counter = read_counter

    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """Returns the functions by service and method name."""
        return {
            protos.PREDICTION_SERVICE: {
                "Predict": self.predict,
                "Classify": self.classify,
                "Regress": self.regress,
                "MultiInference": self.multi_inference,
                "GetModelMetadata": self.metadata,
            },
            protos.MODEL_SERVICE: {
                "GetModelStatus": self.status,
                "HandleReloadConfigRequest": self.reload_config,
            },
        }

    async def predict(
        self,
        request: "protos.PredictRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.PredictResponse":
        """PredictionService/Predict."""
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        version = under_way.lease(_model_ref(request))
        outputs = await self._handler.predict(
            version,
            name,
            decode_inputs(request.inputs),
            under_way.record,
            output_filter=request.output_filter,
            timeout_s=context.time_remaining(),
        )
        response = protos.PredictResponse()
        _fill_model_spec(response.model_spec, version, name)
        for alias, array in outputs.items():
            tensor = response.outputs[alias]
            tensors.encode_into(tensor, array, typed_fields=self._typed_fields)
        return response

    async def classify(
        self,
        request: "protos.ClassificationRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.ClassificationResponse":
        """PredictionService/Classify."""
        response = protos.ClassificationResponse()
        infer = self._handler.classify
        return await self._infer(infer, request, context, under_way, response)

    async def regress(
        self,
        request: "protos.RegressionRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.RegressionResponse":
        """PredictionService/Regress."""
        response = protos.RegressionResponse()
        infer = self._handler.regress
        return await self._infer(infer, request, context, under_way, response)

    async def _infer(
        self,
        infer: Callable[..., Awaitable[Classes | Values]],
        request: Any,
        context: Context,
        under_way: RequestUnderWay,
        response: Any,
    ) -> Any:
        """Fills the response with what the handler's `infer` says of the examples."""
        name = request.model_spec.signature_name
        version = under_way.lease(_model_ref(request))
        found = await infer(
            version, name, request.input, under_way.record, context.time_remaining()
        )
        response.result.CopyFrom(found.message())
        _fill_model_spec(response.model_spec, version, name or DEFAULT_SIGNATURE)
        return response

    async def multi_inference(
        self,
        request: "protos.MultiInferenceRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.MultiInferenceResponse":
        """PredictionService/MultiInference."""
        version = under_way.lease(_ref_of(plans.first_model_spec(request)))
        return await self._handler.multi_inference(
            version, request, under_way.record, context.time_remaining()
        )

    async def metadata(
        self,
        request: "protos.GetModelMetadataRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.GetModelMetadataResponse":
        """PredictionService/GetModelMetadata."""
        _check_metadata_fields(request.metadata_field)
        version = under_way.lease(_model_ref(request))
        response = protos.GetModelMetadataResponse()
        _fill_model_spec(response.model_spec, version)
        response.metadata["signature_def"].Pack(signature_map(version.servable))
        return response

    async def status(
        self,
        request: "protos.GetModelStatusRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.GetModelStatusResponse":
        """ModelService/GetModelStatus."""
        ref = _model_ref(request)
        under_way.record.model_name = ref.name
        response = protos.GetModelStatusResponse()
        for version in self._handler.status(ref):
            code, message = version.status
            response.model_version_status.add(
                version=version.number,
                state=version.state,
                status={"error_code": code, "error_message": message},
            )
        return response

    async def reload_config(
        self,
        request: "protos.ReloadConfigRequest",
        context: Context,
        under_way: RequestUnderWay,
    ) -> "protos.ReloadConfigResponse":
        """ModelService/HandleReloadConfigRequest; returns when new models answer."""
        reload, limit_s = self._handler.manager.reload, context.time_remaining()
        if limit_s is None:
            limit_s = self._reload_limit_s
        before = [self._read_counter(name) for name in request.metric_names]
        await asyncio.to_thread(reload, request.config, limit_s)
        response = protos.ReloadConfigResponse(status={"error_code": 0})
        for name, value in zip(request.metric_names, before, strict=True):
            increase = self._read_counter(name) - value
            response.metric.add(name=name, int64_value_increase=increase)
        return response


def _model_ref(request: Any) -> ModelRef:
    if not request.HasField("model_spec"):
        raise upstream_texts.missing_model_spec()
    return _ref_of(request.model_spec)


def _ref_of(spec: "protos.ModelSpec") -> ModelRef:
    version = spec.version.value if spec.HasField("version") else None
    return ModelRef(spec.name, version, spec.version_label)


def _fill_model_spec(
    spec: "protos.ModelSpec", version: ServedVersion, signature_name: str = ""
) -> None:
    spec.name = version.model_name
    spec.version.value = version.number
    spec.signature_name = signature_name


def _check_metadata_fields(fields: Sequence[str]) -> None:
    if not fields:
        raise upstream_texts.no_metadata_field()
    for name in fields:
        if name != "signature_def":
            raise upstream_texts.unknown_metadata_field(name)
