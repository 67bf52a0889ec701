"""Settings that are used as they are: by `ktp serve`, and by the manifests in k8s/."""

import dataclasses
from collections.abc import Mapping

from model import contract
from serving.client.wire.tf_serving_names import GRPC_PORT, METRICS_PATH, REST_PORT
from serving.launch.settings import FLAGS, EngineSettings
from serving.server.batching.config import BatchingConfig
from serving.server.flags import STDOUT
from serving.server.models.config import ModelEntry, VersionPolicy

BATCHING = BatchingConfig(max_batch_size=64, max_enqueued_batches=100)
"""For a CPU: a batch is what came while all threads were busy.

A request beyond `max_batch_size` is split, where upstream alone would refuse it.
Threads are the server's choice: one per core in TensorFlow's; ours leaves a core to the
connections.
"""

_CONTAINER_MODEL = ModelEntry(
    name=contract.MODEL_NAME, base_path=f"/models/{contract.MODEL_NAME}"
)
# TensorFlow counts the node's cores, not the container's: say how many. They are the
# CPU limit in k8s/base/deployment.yaml; a test holds the two together.
_CONTAINER_CORES = 2


CLUSTER = EngineSettings(
    models=(_CONTAINER_MODEL,),
    batching=dataclasses.replace(BATCHING, num_batch_threads=_CONTAINER_CORES),
    monitoring_path=METRICS_PATH,
    flags=dataclasses.replace(
        FLAGS,
        port=GRPC_PORT,
        rest_api_port=REST_PORT,
        tensorflow_intra_op_parallelism=_CONTAINER_CORES,
        tensorflow_inter_op_parallelism=_CONTAINER_CORES,
    ),
)

GCS = dataclasses.replace(
    CLUSTER,
    models=(
        dataclasses.replace(
            _CONTAINER_MODEL, base_path=f"gs://YOUR-BUCKET/{contract.SERVING_DIR}"
        ),
    ),
    # Listing a bucket every second costs money: once a minute is enough.
    flags=dataclasses.replace(CLUSTER.flags, file_system_poll_wait_seconds=60),
)

GPU = dataclasses.replace(
    CLUSTER,
    # One batch on the device while the next one forms.
    batching=dataclasses.replace(
        BATCHING, max_batch_size=256, batch_timeout_micros=1000, num_batch_threads=2
    ),
)

EMBEDDED = dataclasses.replace(
    CLUSTER,
    # It drains by itself on SIGTERM, within the pod's grace period.
    flags=dataclasses.replace(
        CLUSTER.flags, shutdown_limit_seconds=20, access_log_file=STDOUT
    ),
    spelt_out=(*CLUSTER.spelt_out, "shutdown_limit_seconds"),
)

TLS = dataclasses.replace(
    EMBEDDED,
    flags=dataclasses.replace(
        EMBEDDED.flags,
        rest_api_enable_tls=True,
        ssl_config_file="/etc/classifier-tls/ssl.config",
        bearer_token_file="/etc/classifier-tokens/tokens",
    ),
)


def pinned(version: int) -> EngineSettings:
    """Gives the cluster's settings with one version, whatever else is pushed."""
    policy = VersionPolicy(specific=(version,))
    model = dataclasses.replace(_CONTAINER_MODEL, policy=policy)
    return dataclasses.replace(CLUSTER, models=(model,))


KUBERNETES: Mapping[str, EngineSettings] = {
    "base": CLUSTER,
    "overlays/gcs": GCS,
    "overlays/gpu": GPU,
    "overlays/embedded": EMBEDDED,
    "overlays/tls": TLS,
}
"""Folder below k8s/ and what the server is told there."""

EMBEDDED_FOLDERS = ("overlays/embedded", "overlays/tls")
