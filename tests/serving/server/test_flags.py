"""tensorflow_model_server's command line."""

import os
import re
import subprocess
import sys

import pytest

from serving.server.flags import ServerFlags, parse_flags, usage
from tests.support.repository import ROOT


def test_flags_are_name_equals_value() -> None:
    flags, _ = parse_flags(["--port=1", "--model_name=m", "--enable_batching=true"])
    assert (flags.port, flags.model_name, flags.enable_batching) == (1, "m", True)


@pytest.mark.parametrize(
    "argument, expected",
    [("--version", True), ("--version=false", False), ("--version=true", True)],
)
def test_booleans_may_stand_alone(argument: str, expected: bool) -> None:
    assert parse_flags([argument])[0].version is expected


def test_unknown_arguments_are_kept_apart_and_ignored() -> None:
    flags, unknown = parse_flags(["--nope=1", "stray", "--port", "--rest_api_port=2"])
    assert unknown == ["--nope=1", "stray", "--port"]
    assert flags.rest_api_port == 2


@pytest.mark.parametrize("argument", ["--port=x", "--version=perhaps"])
def test_a_value_of_the_wrong_type_is_named(argument: str) -> None:
    with pytest.raises(ValueError, match="Couldn't interpret value"):
        parse_flags([argument])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "model_base_path and server_options.model_config_file are empty!"),
        (
            {"model_base_path": "/m", "port": 0},
            "At least one of server_options.grpc_port",
        ),
        (
            {"model_base_path": "/m", "batching_parameters_file": "/b"},
            "batching_parameters_file is set without setting",
        ),
        (
            {"model_base_path": "/m", "port": 65536},
            "port must be 0 to 65535; received 65536.",
        ),
        (
            {"model_base_path": "/m", "grpc_socket_mode": "rw"},
            "grpc_socket_mode must be permissions in octal",
        ),
        (
            {
                "model_base_path": "/m",
                "use_alts_credentials": True,
                "ssl_config_file": "/s",
            },
            "Either use_alts_credentials must be false or "
            "ssl_config_file must be empty.",
        ),
        (
            {"model_base_path": "/m", "use_alts_credentials": True},
            "use_alts_credentials is not supported by the embedded server",
        ),
        (
            {"model_base_path": "/m", "rest_api_enable_tls": True},
            "rest_api_enable_tls needs ssl_config_file",
        ),
        (
            {
                "model_base_path": "/m",
                "tensorflow_session_parallelism": 1,
                "tensorflow_intra_op_parallelism": 1,
                "tensorflow_inter_op_parallelism": 1,
            },
            "Either configure server_options.tensorflow_session_parallelism or "
            r"\(server_options.tensorflow_intra_op_parallelism, "
            r"server_options.tensorflow_inter_op_parallelism\) separately. "
            "You cannot configure all.",
        ),
    ],
)
def test_impossible_combinations_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ServerFlags(**settings).check()  # type: ignore[arg-type]


def test_flags_without_effect_are_reported_when_set() -> None:
    flags, _ = parse_flags(
        ["--enable_profiler=false", "--num_load_threads=0", "--port=1"]
    )
    assert flags.ineffective() == ["enable_profiler"]


def test_usage_names_every_flag() -> None:
    text = usage()
    assert "--model_config_file_poll_wait_seconds=0" in text
    assert "--skip_initialize_tpu=False\tbool  (no effect here)" in text


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["--version"], 0, ["TensorFlow ModelServer: ", "\nTensorFlow Library: "]),
        (["--help"], 0, ["usage: ", "--model_base_path="]),
        (["--port=x"], 255, ["Couldn't interpret value x for flag port", "Flags:"]),
        (
            ["--nope=1"],
            255,
            ["unknown argument: --nope=1\n", "Flags:", "Failed to start server."],
        ),
        (
            [],
            255,
            [
                "Failed to start server. Error: INVALID_ARGUMENT: Both "
                "server_options.model_base_path and "
                "server_options.model_config_file are empty!"
            ],
        ),
        (
            ["--model_config_file=/nowhere"],
            255,
            ["Failed to start server. Error: INVALID_ARGUMENT: Cannot read /nowhere"],
        ),
        (
            ["--model_base_path=/m", "--ssl_config_file=/nowhere"],
            255,
            ["Failed to start server. Error: INVALID_ARGUMENT: Cannot read ssl_config"],
        ),
        (
            ["--model_base_path=/m", "--bearer_token_file=/dev/null"],
            255,
            ["bearer_token_file /dev/null holds no token"],
        ),
    ],
)
def test_the_process_says_why_on_stdout_and_ends(
    arguments: list[str], status: int, words: list[str]
) -> None:
    command = [sys.executable, "-m", "serving.server", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == status
    for text in words:
        assert text in ended.stdout


def test_names_and_defaults_are_upstream_s() -> None:
    cpus = os.cpu_count() or 1
    defaults = dict(line.split() for line in UPSTREAM_DEFAULTS.splitlines() if line)
    computed = {"4*cpus": str(4 * cpus), "cpus": str(cpus), "empty": ""}
    for name, default in defaults.items():
        found = getattr(ServerFlags(), name)
        text = str(found).lower() if isinstance(found, bool) else f"{found}"
        assert text.removesuffix(".0") == computed.get(default, default), name


UPSTREAM_DEFAULTS = """
port 8500
grpc_socket_path empty
rest_api_port 0
rest_api_num_threads 4*cpus
rest_api_timeout_in_ms 30000
rest_api_enable_cors_support false
enable_batching false
batching_parameters_file empty
enable_per_model_batching_parameters false
allow_version_labels_for_unavailable_models false
model_config_file empty
model_config_file_poll_wait_seconds 0
model_name default
model_base_path empty
num_load_threads 0
num_unload_threads 0
max_num_load_retries 5
load_retry_interval_micros 60000000
file_system_poll_wait_seconds 1
flush_filesystem_caches true
tensorflow_session_parallelism 0
tensorflow_intra_op_parallelism 0
tensorflow_inter_op_parallelism 0
tensorflow_session_config_file empty
use_alts_credentials false
ssl_config_file empty
platform_config_file empty
per_process_gpu_memory_fraction 0
saved_model_tags serve
grpc_channel_arguments empty
grpc_max_threads 4*cpus
enable_model_warmup true
num_request_iterations_for_warmup 0
version false
monitoring_config_file empty
remove_unused_fields_from_bundle_metagraph true
prefer_tflite_model false
num_tflite_pools cpus
num_tflite_interpreters_per_pool 1
enable_signature_method_name_check false
xla_cpu_compilation_enabled false
xla_gpu_compilation_enabled false
enable_profiler true
thread_pool_factory_config_file empty
mixed_precision empty
skip_initialize_tpu false
enable_grpc_healthcheck_service false
enable_serialization_as_tensor_content false
"""


def test_the_docs_tell_the_defaults_of_our_flags() -> None:
    page = ROOT / "docs" / "serving.md"
    rows = re.findall(r"^\| `--(\w+)` \| (.*?) ?\|", page.read_text(), re.MULTILINE)
    assert len(rows) == 12
    defaults = {name: str(getattr(ServerFlags(), name)) for name, _ in rows}
    assert {name: text.capitalize() for name, text in rows} == defaults
