"""What can be asked, in TF Serving's gRPC messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from .. import contract, errors, protos
from ..calls import Example, GrpcCall, Inputs, ServerConfig, Steps
from ..config import ClientConfig
from ..prediction import Prediction
from ..results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
    signature_specs,
)
from ..wire.text_tensors import fill_texts, predictions
from ..wire.tf_serving_names import CLASSIFY_METHOD, REGRESS_METHOD

T = TypeVar("T")

PREDICT = f"/{protos.PREDICTION_SERVICE}/Predict"
CLASSIFY = f"/{protos.PREDICTION_SERVICE}/Classify"
REGRESS = f"/{protos.PREDICTION_SERVICE}/Regress"
MULTI_INFERENCE = f"/{protos.PREDICTION_SERVICE}/MultiInference"
METADATA = f"/{protos.PREDICTION_SERVICE}/GetModelMetadata"
STATUS = f"/{protos.MODEL_SERVICE}/GetModelStatus"
RELOAD = f"/{protos.MODEL_SERVICE}/HandleReloadConfigRequest"

METHOD_NAMES = {"classify": CLASSIFY_METHOD, "regress": REGRESS_METHOD}

GrpcSteps = Steps[GrpcCall, bytes, T]


class GrpcDialect:
    """Builds requests and reads replies for one model."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        # Classes are kept: looking one up takes as long as filling a small message.
        self._request_class = protos.PredictRequest
        self._response_class = protos.PredictResponse
        signature_name = contract.Signature.SERVING_DEFAULT
        request = self._request(self._request_class, signature_name)
        self._classify_prefix = request.SerializeToString()

    def classify(self, texts: Sequence[str]) -> GrpcSteps[list[Prediction]]:
        request = self._request_class.FromString(self._classify_prefix)
        fill_texts(request.inputs[contract.TEXT], texts)
        reply = yield GrpcCall(PREDICT, request.SerializeToString())
        response = self._parse(self._response_class, reply)
        version = response.model_spec.version.value
        try:
            return predictions(response.outputs, len(texts), version)
        except ValueError as error:  # also CodecError and UnicodeDecodeError
            raise self._invalid(str(error)) from None

    def predict(
        self, inputs: Inputs, signature_name: str, output_filter: Sequence[str]
    ) -> GrpcSteps[Outputs]:
        from ..wire import tensors

        request = self._request(self._request_class, signature_name)
        request.output_filter.extend(output_filter)
        for name, value in inputs.items():
            tensors.encode_into(request.inputs[name], value)
        reply = yield GrpcCall(PREDICT, request.SerializeToString())
        response = self._parse(self._response_class, reply)
        try:
            arrays = {
                name: tensors.decode(one) for name, one in response.outputs.items()
            }
        except tensors.CodecError as error:
            raise self._invalid(str(error)) from None
        return Outputs(arrays, response.model_spec.version.value)

    def classify_examples(
        self, examples: Sequence[Example], signature_name: str, context: Example | None
    ) -> GrpcSteps[Answers[Classification]]:
        request = self._request(protos.ClassificationRequest, signature_name)
        reply = yield self._example_call(CLASSIFY, request, examples, context)
        response = self._parse(protos.ClassificationResponse, reply)
        return _classifications(response.result, response.model_spec.version.value)

    def regress(
        self, examples: Sequence[Example], signature_name: str, context: Example | None
    ) -> GrpcSteps[Answers[float]]:
        request = self._request(protos.RegressionRequest, signature_name)
        reply = yield self._example_call(REGRESS, request, examples, context)
        response = self._parse(protos.RegressionResponse, reply)
        return _regressions(response.result, response.model_spec.version.value)

    def multi_inference(
        self,
        tasks: Mapping[str, str],
        examples: Sequence[Example],
        context: Example | None,
    ) -> GrpcSteps[dict[str, Answers[Any]]]:
        request = protos.MultiInferenceRequest()
        for signature_name, kind in tasks.items():
            task = request.tasks.add(method_name=METHOD_NAMES.get(kind, kind))
            self._fill_model_spec(task.model_spec, signature_name)
        reply = yield self._example_call(MULTI_INFERENCE, request, examples, context)
        response = self._parse(protos.MultiInferenceResponse, reply)
        results = response.results
        return {one.model_spec.signature_name: _answers(one) for one in results}

    def metadata(self) -> GrpcSteps[ModelMetadata]:
        request = self._request(protos.GetModelMetadataRequest)
        request.metadata_field.append("signature_def")
        reply = yield GrpcCall(METADATA, request.SerializeToString())
        response = self._parse(protos.GetModelMetadataResponse, reply)
        signatures = protos.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return ModelMetadata(
            name=response.model_spec.name,
            version=response.model_spec.version.value,
            signatures=signature_specs(signatures.signature_def),
        )

    def status(self) -> GrpcSteps[list[VersionStatus]]:
        request = self._request(protos.GetModelStatusRequest)
        reply = yield GrpcCall(STATUS, request.SerializeToString())
        response = self._parse(protos.GetModelStatusResponse, reply)
        state, code = protos.enum(protos.VERSION_STATE), protos.enum(protos.ERROR_CODE)
        return [
            VersionStatus(
                version=one.version,
                state=state.Name(one.state),
                error_code=code.Name(one.status.error_code),
                error_message=one.status.error_message,
            )
            for one in response.model_version_status
        ]

    def reload_config(self, config: ServerConfig) -> GrpcSteps[None]:
        request = protos.ReloadConfigRequest()
        if isinstance(config, str):
            from google.protobuf import text_format

            config = text_format.Parse(
                config, protos.ModelServerConfig(), descriptor_pool=protos.pool()
            )
        # By way of bytes: the message may come from another pool.
        request.config.MergeFromString(config.SerializeToString())
        reply = yield GrpcCall(RELOAD, request.SerializeToString(), may_repeat=False)
        status = self._parse(protos.ReloadConfigResponse, reply).status
        if status.error_code:
            name = protos.enum(protos.ERROR_CODE).Name(status.error_code)
            kind = errors.from_grpc_code(name)
            raise kind(f"gRPC {self._config.endpoint}", status.error_message)

    def _fill_model_spec(self, model_spec: Any, signature_name: str) -> None:
        config = self._config
        model_spec.name = config.model_name
        model_spec.signature_name = signature_name
        if config.version is not None:
            model_spec.version.value = config.version
        if config.version_label is not None:
            model_spec.version_label = config.version_label

    def _request(self, message_class: Any, signature_name: str = "") -> Any:
        request = message_class()
        self._fill_model_spec(request.model_spec, signature_name)
        return request

    def _example_call(
        self,
        path: str,
        request: Any,
        examples: Sequence[Example],
        context: Example | None,
    ) -> GrpcCall:
        from ..wire.tf_examples import serialize

        target = request.input.example_list
        if context is not None:
            target = request.input.example_list_with_context
            target.context.MergeFromString(serialize(context))
        for example in examples:
            target.examples.add().MergeFromString(serialize(example))
        return GrpcCall(path, request.SerializeToString())

    def _parse(self, message_class: Any, reply: bytes) -> Any:
        try:
            return message_class.FromString(reply)
        except DecodeError as error:
            raise self._invalid(str(error)) from None

    def _invalid(self, what: str) -> errors.InvalidResponseError:
        return errors.InvalidResponseError(
            f"gRPC {self._config.endpoint}", f"received {what}"
        )


def _classifications(result: Any, version: int) -> Answers[Classification]:
    return Answers(
        (
            Classification(
                tuple(one.label for one in row.classes),
                tuple(one.score for one in row.classes),
            )
            for row in result.classifications
        ),
        version,
    )


def _regressions(result: Any, version: int) -> Answers[float]:
    return Answers((one.value for one in result.regressions), version)


def _answers(result: Any) -> Answers[Any]:
    version = result.model_spec.version.value
    if result.WhichOneof("result") == "regression_result":
        return _regressions(result.regression_result, version)
    return _classifications(result.classification_result, version)
