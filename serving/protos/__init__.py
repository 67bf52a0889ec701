"""TF Serving's messages without TensorFlow: `from serving import protos`.

`protos.PredictRequest()` and the other names below are ordinary protobuf classes from
a private pool, so they live beside TensorFlow's own in one process. They are made on
first use. They exchange bytes with TensorFlow's classes, not objects.
"""

from typing import Any

from serving.protos.pool import enum, message_class, pool

MESSAGES = {
    name.rpartition(".")[2]: name
    for name in (
        "grpc.health.v1.HealthCheckRequest",
        "grpc.health.v1.HealthCheckResponse",
        "tensorflow.Example",
        "tensorflow.MetaGraphDef",
        "tensorflow.SavedModel",
        "tensorflow.SignatureDef",
        "tensorflow.TensorProto",
        "tensorflow.serving.BatchingParameters",
        "tensorflow.serving.ClassificationRequest",
        "tensorflow.serving.ClassificationResponse",
        "tensorflow.serving.ClassificationResult",
        "tensorflow.serving.GetModelMetadataRequest",
        "tensorflow.serving.GetModelMetadataResponse",
        "tensorflow.serving.GetModelStatusRequest",
        "tensorflow.serving.GetModelStatusResponse",
        "tensorflow.serving.Input",
        "tensorflow.serving.ModelServerConfig",
        "tensorflow.serving.ModelSpec",
        "tensorflow.serving.MonitoringConfig",
        "tensorflow.serving.MultiInferenceRequest",
        "tensorflow.serving.MultiInferenceResponse",
        "tensorflow.serving.PredictRequest",
        "tensorflow.serving.PredictResponse",
        "tensorflow.serving.PredictionLog",
        "tensorflow.serving.RegressionRequest",
        "tensorflow.serving.RegressionResponse",
        "tensorflow.serving.RegressionResult",
        "tensorflow.serving.ReloadConfigRequest",
        "tensorflow.serving.ReloadConfigResponse",
        "tensorflow.serving.SSLConfig",
        "tensorflow.serving.SignatureDefMap",
    )
}

DATA_TYPE = "tensorflow.DataType"
ERROR_CODE = "tensorflow.error.Code"
VERSION_STATE = "tensorflow.serving.ModelVersionStatus.State"

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"
HEALTH_SERVICE = "grpc.health.v1.Health"

__all__ = [
    "DATA_TYPE",
    "ERROR_CODE",
    "HEALTH_SERVICE",
    "MESSAGES",
    "MODEL_SERVICE",
    "PREDICTION_SERVICE",
    "VERSION_STATE",
    "enum",
    "message_class",
    "pool",
]


def __getattr__(name: str) -> Any:
    if name not in MESSAGES:
        raise AttributeError(f"serving.protos has no {name!r}; see MESSAGES for names.")
    # Found as any other name from now on.
    found = globals()[name] = message_class(MESSAGES[name])
    return found
