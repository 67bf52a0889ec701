"""gRPC's calls: messages in, the core, messages out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import grpc

from serving import protos
from serving.formats import tensors
from serving.server import upstream_texts
from serving.server.models.version import ServedVersion
from serving.server.observation.record import RequestRecord
from serving.server.requests import plans
from serving.server.requests.handler import Core, ModelRef
from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.requests.predict_checks import decode_inputs, signature_map


class Context(Protocol):
    """What is asked of gRPC's `ServicerContext`."""

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one."""

    def peer(self) -> str:
        """The client's address."""

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """Ends the call with an error."""


Handler = Callable[[Any, Context, RequestRecord], Awaitable[Any]]


class GrpcService:
    """PredictionService and ModelService.

    Args:
        core: answers.
        tensor_content: write outputs as `tensor_content`, not as typed fields.
        reload_limit_s: how long a reload may take when its client sets no deadline.
        read_counter: the value of a metric, whose increase a reload may ask for.
    """

    def __init__(
        self,
        core: Core,
        *,
        tensor_content: bool = False,
        reload_limit_s: float = 600.0,
        read_counter: Callable[[str], int] = lambda name: 0,
    ) -> None:
        self._core = core
        self._typed_fields = not tensor_content
        self._reload_limit_s = reload_limit_s
        self._read_counter = read_counter

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        """Method name to function, by service."""
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
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """PredictionService/Predict."""
        signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        with self._core.use(_model_ref(request), record) as version:
            outputs = await self._core.predict(
                version,
                signature_name,
                decode_inputs(request.inputs),
                record,
                output_filter=request.output_filter,
                timeout_s=context.time_remaining(),
            )
        response = protos.PredictResponse()
        _fill_model_spec(response.model_spec, version, signature_name)
        for alias, array in outputs.items():
            tensor = response.outputs[alias]
            tensors.encode_into(tensor, array, typed_fields=self._typed_fields)
        return response

    async def classify(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """PredictionService/Classify."""
        return await self._infer(
            request, context, record, protos.ClassificationResponse()
        )

    async def regress(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """PredictionService/Regress."""
        return await self._infer(request, context, record, protos.RegressionResponse())

    async def _infer(
        self, request: Any, context: Context, record: RequestRecord, response: Any
    ) -> Any:
        name = request.model_spec.signature_name
        with self._core.use(_model_ref(request), record) as version:
            result = await self._core.infer(
                version, name, request.input, record, context.time_remaining()
            )
        _fill_model_spec(response.model_spec, version, name or DEFAULT_SIGNATURE)
        response.result.CopyFrom(result.message())
        return response

    async def multi_inference(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """PredictionService/MultiInference."""
        ref = _ref_of(plans.first_model_spec(request))
        with self._core.use(ref, record) as version:
            return await self._core.multi_inference(
                version, request, record, context.time_remaining()
            )

    async def metadata(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """PredictionService/GetModelMetadata."""
        _check_metadata_fields(request.metadata_field)
        with self._core.use(_model_ref(request), record) as version:
            signatures = signature_map(version.servable)
        response = protos.GetModelMetadataResponse()
        _fill_model_spec(response.model_spec, version)
        response.metadata["signature_def"].Pack(signatures)
        return response

    async def status(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """ModelService/GetModelStatus."""
        ref = _model_ref(request)
        record.model_name = ref.name
        response = protos.GetModelStatusResponse()
        for version in self._core.status(ref):
            code, message = version.status
            response.model_version_status.add(
                version=version.number,
                state=version.state,
                status={"error_code": code, "error_message": message},
            )
        return response

    async def reload_config(
        self, request: Any, context: Context, record: RequestRecord
    ) -> Any:
        """ModelService/HandleReloadConfigRequest: returns when new models answer."""
        reload, limit_s = self._core.manager.reload, context.time_remaining()
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


def _ref_of(spec: Any) -> ModelRef:
    version = spec.version.value if spec.HasField("version") else None
    return ModelRef(spec.name, version, spec.version_label)


def _fill_model_spec(
    spec: Any, version: ServedVersion, signature_name: str = ""
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
