"""Policies on the model server's command line."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from serving.launch.from_options import STDOUT
from serving.server.flags import ServerFlags
from tests.support.k8s.policy.pods import deployments, pod_spec
from tests.support.k8s.rendering import Resource, name

# All of tensorflow_model_server (model_servers/main.cc). It ignores an unknown flag, so
# a misspelt one would pass unseen.
# fmt: off
KNOWN = frozenset((
    "port", "grpc_socket_path", "rest_api_port", "rest_api_num_threads",
    "rest_api_timeout_in_ms", "rest_api_enable_cors_support", "enable_batching",
    "batching_parameters_file", "enable_per_model_batching_parameters",
    "allow_version_labels_for_unavailable_models", "model_config_file",
    "model_config_file_poll_wait_seconds", "model_name", "model_base_path",
    "num_load_threads", "num_unload_threads", "max_num_load_retries",
    "load_retry_interval_micros", "file_system_poll_wait_seconds",
    "flush_filesystem_caches", "tensorflow_session_parallelism",
    "tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism",
    "tensorflow_session_config_file", "use_alts_credentials", "ssl_config_file",
    "platform_config_file", "per_process_gpu_memory_fraction", "saved_model_tags",
    "grpc_channel_arguments", "grpc_max_threads", "enable_model_warmup",
    "num_request_iterations_for_warmup", "version", "monitoring_config_file",
    "remove_unused_fields_from_bundle_metagraph", "prefer_tflite_model",
    "num_tflite_pools", "num_tflite_interpreters_per_pool",
    "enable_signature_method_name_check", "xla_cpu_compilation_enabled",
    "xla_gpu_compilation_enabled", "enable_profiler", "thread_pool_factory_config_file",
    "mixed_precision", "skip_initialize_tpu", "enable_grpc_healthcheck_service",
    "enable_serialization_as_tensor_content",
))
# fmt: on
_PORTS = {"grpc": "port", "http": "rest_api_port"}


def of(container: dict[str, Any]) -> dict[str, str]:
    """The container's flags: `--name=value`."""
    pairs = (argument.removeprefix("--") for argument in container["args"])
    return dict(pair.split("=", 1) for pair in pairs)


def servers(resources: list[Resource]) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Each Deployment with its model server's container."""
    for deployment in deployments(resources):
        yield deployment, pod_spec(deployment)["containers"][0]


def are_known(resources: list[Resource]) -> Iterator[str]:
    """No flag is misspelt, and none contradicts another."""
    for _, container in servers(resources):
        flags = of(container)
        for flag in set(flags) - _known(container):
            yield f"{container['command'][-1]} has no flag --{flag}"
        batching = flags.get("enable_batching") == "true"
        if "batching_parameters_file" in flags and not batching:
            yield "--batching_parameters_file without --enable_batching"
        if flags.get("enable_model_warmup") != "true":
            yield "the first requests would meet a cold model"


def _known(container: dict[str, Any]) -> frozenset[str]:
    if is_embedded(container):
        return KNOWN | {field.name for field in dataclasses.fields(ServerFlags)}
    return KNOWN


def is_embedded(container: dict[str, Any]) -> bool:
    """Whether it runs our own server."""
    return "serving.server" in container["command"]


def name_mounted_files(resources: list[Resource]) -> Iterator[str]:
    """Every config file is a key of the ConfigMap mounted where the flag says."""
    maps = {name(each): each for each in resources if each["kind"] == "ConfigMap"}
    for deployment, container in servers(resources):
        files = set(_mounted_files(pod_spec(deployment), container, maps))
        for flag, value in of(container).items():
            if flag.endswith("_file") and value not in {*files, STDOUT}:
                yield f"--{flag}={value} is not mounted; there are {sorted(files)}"


def match_the_ports(resources: list[Resource]) -> Iterator[str]:
    """The server listens where the container says."""
    for _, container in servers(resources):
        flags = of(container)
        for port in container["ports"]:
            if flags.get(_PORTS[port["name"]]) != str(port["containerPort"]):
                yield f"no flag opens port {port['name']}, {port['containerPort']}"


def _mounted_files(
    spec: dict[str, Any], container: dict[str, Any], maps: dict[str, Resource]
) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes.get(mount["name"], {})
        keys = [item["path"] for item in volume.get("secret", {}).get("items", [])]
        config_map = maps.get(volume.get("configMap", {}).get("name"))
        if config_map is not None:
            keys += config_map["data"]
        for key in keys:
            yield f"{mount['mountPath']}/{key}"
