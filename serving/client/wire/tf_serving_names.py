"""How TF Serving spells things on the wire: ports, paths, headers, methods, keys.

The client, the embedded server and the launcher must agree with it and so with each
other. Names of our own model stand in `contract`, messages in `protos`.
"""

GRPC_PORT, REST_PORT = 8500, 8501
"""Where its container listens."""

MODELS_PATH = "/v1/models"
"""Of REST; `/NAME`, a version or a label, and `:predict` or `/metadata` follow."""

METRICS_PATH = "/monitoring/prometheus/metrics"

MODEL_NAME_HEADER = "x-model-name"
MODEL_VERSION_HEADER = "x-model-version"
"""Which version answered over REST. Our own server says it; TF Serving does not."""

AUTHORIZATION_KEY = "authorization"
"""A header of REST, and metadata of gRPC, with `Bearer TOKEN`."""

PREDICT_METHOD = "tensorflow/serving/predict"
CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"
"""`method_name` in a SignatureDef and in the tasks of a MultiInferenceRequest."""

BASE64_KEY = "b64"
"""JSON's bytes: an object with this key alone."""
