"""tensorflow_model_server's flags, by their names, defaults and syntax."""

import dataclasses
import os
import re
from collections.abc import Container, Sequence
from typing import Any

from serving.client.wire.tf_serving_names import GRPC_PORT

STDOUT = "-"
"""As a path: what is logged goes to standard output."""
_MODE = re.compile("[0-7]{3,4}")
_CPUS = os.cpu_count() or 1


def _ours(default: Any, *, harmless: bool = False) -> Any:
    """Marks a flag that upstream lacks; a `harmless` one may be left out there."""
    metadata = {"ours": True, "harmless": harmless}
    return dataclasses.field(default=default, metadata=metadata)


def _ignored(default: Any) -> Any:
    """Marks a flag that upstream knows and that changes nothing here."""
    return dataclasses.field(default=default, metadata={"no_effect": True})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerFlags:
    """Every flag of upstream, and ours; those marked `_ignored` are warned of.

    One class for the launcher, which writes the command line, and for the server,
    which reads it.
    """

    port: int = GRPC_PORT
    rest_api_port: int = 0
    grpc_socket_path: str = ""
    ssl_config_file: str = ""
    use_alts_credentials: bool = False

    model_name: str = "default"
    model_base_path: str = ""
    model_config_file_poll_wait_seconds: int = 0
    file_system_poll_wait_seconds: int = 1
    allow_version_labels_for_unavailable_models: bool = False
    enable_per_model_batching_parameters: bool = False

    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    num_load_threads: int = 0
    num_unload_threads: int = 0
    # Frees the old version's memory before the new one takes its own: requests get
    # UNAVAILABLE meanwhile, and there is no way back when the new version fails.
    unload_before_load: bool = _ours(False)
    # A model that fails for good ends the start; with this the others are served.
    tolerate_failed_models: bool = _ours(False)
    # Ports open before the models are there: requests get UNAVAILABLE meanwhile.
    open_ports_at_once: bool = _ours(False)
    # How long HandleReloadConfigRequest waits when the client sets no deadline.
    reload_limit_seconds: int = _ours(600)

    saved_model_tags: str = "serve"
    mixed_precision: str = ""
    prefer_tflite_model: bool = False
    num_tflite_interpreters_per_pool: int = 1
    num_tflite_pools: int = _CPUS
    tensorflow_session_config_file: str = ""
    tensorflow_session_parallelism: int = 0
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    per_process_gpu_memory_fraction: float = 0.0
    # Functions that a model compiles with XLA run either way; upstream refuses them
    # unless one of these is set.
    xla_cpu_compilation_enabled: bool = False
    xla_gpu_compilation_enabled: bool = False

    grpc_max_threads: int = 4 * _CPUS
    grpc_channel_arguments: str = ""
    rest_api_num_threads: int = 4 * _CPUS
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    enable_grpc_healthcheck_service: bool = False
    enable_serialization_as_tensor_content: bool = False
    enable_signature_method_name_check: bool = False
    version: bool = False

    # /healthz and /readyz on a port of their own, open from the first moment.
    health_port: int = _ours(0)
    # How long running requests may take after SIGTERM.
    shutdown_limit_seconds: int = _ours(20, harmless=True)
    # REST with the certificate of ssl_config_file. Off, because upstream leaves REST
    # plain and the probes of existing manifests count on it.
    rest_api_enable_tls: bool = _ours(False, harmless=True)
    # The longest body over REST, where upstream takes any; gRPC takes 2 GiB.
    rest_api_max_body_bytes: int = _ours(256 * 1024 * 1024)
    # Permissions of the Unix socket in octal, such as 660; else the umask's.
    grpc_socket_mode: str = _ours("")
    # One JSON line per request, to a file or `STDOUT`; a share of them.
    access_log_file: str = _ours("")
    access_log_sampling_rate: float = _ours(1.0)
    # One token a line; requests on both ports must carry one of them.
    bearer_token_file: str = _ours("")

    model_config_file: str = ""
    enable_batching: bool = False
    batching_parameters_file: str = ""
    monitoring_config_file: str = ""

    flush_filesystem_caches: bool = _ignored(True)
    platform_config_file: str = _ignored("")
    remove_unused_fields_from_bundle_metagraph: bool = _ignored(True)
    enable_profiler: bool = _ignored(True)
    thread_pool_factory_config_file: str = _ignored("")
    skip_initialize_tpu: bool = _ignored(False)

    def check(self) -> None:
        """Refuses combinations that upstream refuses, in its words.

        Raises:
            ValueError: what does not go together.
        """
        self._check_ports()
        if self.use_alts_credentials and self.ssl_config_file:
            raise ValueError(
                "Either use_alts_credentials must be false or "
                "ssl_config_file must be empty."
            )
        if not self.model_base_path and not self.model_config_file:
            raise ValueError(
                "Both server_options.model_base_path and "
                "server_options.model_config_file are empty!"
            )
        if self.batching_parameters_file and not self.enable_batching:
            raise ValueError(
                "server_options.batching_parameters_file is set without setting "
                "server_options.enable_batching to true."
            )
        self._check_parallelism()
        self._check_security()

    def _check_ports(self) -> None:
        if not self.port and not self.grpc_socket_path:
            raise ValueError(
                "At least one of server_options.grpc_port or "
                "server_options.grpc_socket_path must be set."
            )
        for name in ("port", "rest_api_port", "health_port"):
            if getattr(self, name) not in range(2**16):
                raise ValueError(
                    f"{name} must be 0 to 65535; received {getattr(self, name)}."
                )
        if self.grpc_socket_mode and not _MODE.fullmatch(self.grpc_socket_mode):
            raise ValueError(
                "grpc_socket_mode must be permissions in octal, such as 660; "
                f"received {self.grpc_socket_mode}."
            )

    def _check_parallelism(self) -> None:
        if (
            self.tensorflow_intra_op_parallelism > 0
            and self.tensorflow_inter_op_parallelism > 0
            and self.tensorflow_session_parallelism > 0
        ):
            raise ValueError(
                "Either configure server_options.tensorflow_session_parallelism "
                "or (server_options.tensorflow_intra_op_parallelism, "
                "server_options.tensorflow_inter_op_parallelism) separately. "
                "You cannot configure all."
            )

    def _check_security(self) -> None:
        if self.use_alts_credentials:
            # Ignoring this one would send in the clear what was meant to be secret.
            raise ValueError(
                "use_alts_credentials is not supported by the embedded server: ALTS "
                "works between machines of Google Cloud only. Use ssl_config_file."
            )
        if self.rest_api_enable_tls and not self.ssl_config_file:
            raise ValueError(
                "rest_api_enable_tls needs ssl_config_file for the certificate."
            )

    def ineffective(self) -> list[str]:
        """Names flags that were set and do nothing here."""
        return [each.name for each in self._set() if each.metadata.get("no_effect")]

    @property
    def only_embedded(self) -> list[str]:
        """Flags that were set and only the embedded server has, less harmless ones."""
        return [
            f"--{field.name}"
            for field in self._set()
            if field.metadata.get("ours") and not field.metadata["harmless"]
        ]

    def to_arguments(
        self, *, embedded: bool = True, spelt_out: Container[str] = ()
    ) -> list[str]:
        """Writes the command line that sets what is not the default.

        Args:
            embedded: upstream's server does not get what it does not know.
            spelt_out: flags that are written in any case.
        """
        values = {each.name: getattr(self, each.name) for each in self._set(spelt_out)}
        return [
            f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
            for name, value in values.items()
            if embedded or not _FIELDS[name].metadata.get("ours")
        ]

    def _set(self, spelt_out: Container[str] = ()) -> list[dataclasses.Field[Any]]:
        """Lists the flags that differ from their defaults, and those spelt out."""
        return [
            field
            for name, field in _FIELDS.items()
            if name in spelt_out or getattr(self, name) != field.default
        ]


_FIELDS = {field.name: field for field in dataclasses.fields(ServerFlags)}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def parse_flags(arguments: Sequence[str]) -> tuple[ServerFlags, list[str]]:
    """Reads `--name=value`; booleans also as `--name`. The last one counts.

    Returns:
        The flags, and the arguments that are none.

    Raises:
        ValueError: a value of the wrong type.
    """
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        field = _FIELDS.get(name)
        is_bool = field is not None and field.type is bool
        if field is None or not argument.startswith("--") or not (equals or is_bool):
            unknown.append(argument)
        else:
            values[name] = _value(name, field.type, text if equals else "true")
    return ServerFlags(**values), unknown


def _value(name: str, kind: Any, text: str) -> Any:
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ValueError(
            f"Couldn't interpret value {text} for flag {name}; "
            f"expected {kind.__name__}."
        ) from None


def usage() -> str:
    """Lists all flags with their defaults."""
    lines = ["usage: python -m serving.server", "Flags:"]
    for field in _FIELDS.values():
        kind = type(field.default).__name__
        mark = "  (no effect here)" if field.metadata.get("no_effect") else ""
        lines.append(f"    --{field.name}={field.default}\t{kind}{mark}")
    return "\n".join(lines)
