"""What to serve and how, for every engine: one class writes the files of all."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import text_format

from serving import protos
from serving.formats.tf_serving_names import METRICS_PATH
from serving.launch.batching import BatchingSettings
from serving.launch.models import ModelSettings, models_text

__all__ = ["BatchingSettings", "EngineSettings", "TlsSettings"]

# A file with the private key: only its owner reads it.
_SECRET_MODE, _PLAIN_MODE = 0o600, 0o644
SECRET_FILE = "ssl.config"


def _flag(default: Any = None) -> Any:
    """A setting that is the flag of the same name; None leaves it to the server."""
    return dataclasses.field(default=default, metadata={"flag": True})


def _embedded_flag(*, harmless: bool = False) -> Any:
    """A flag of the embedded server alone; `harmless` may be left out elsewhere."""
    metadata = {"flag": True, "embedded": True, "harmless": harmless}
    return dataclasses.field(default=None, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """PEM files. With `client_ca_path`, clients must show a certificate of that CA."""

    certificate_path: str
    key_path: str
    client_ca_path: str | None = None

    def to_text(self) -> str:
        """The file for `--ssl_config_file`: it holds the texts, not the paths."""
        message = protos.SSLConfig(
            server_cert=_pem(self.certificate_path), server_key=_pem(self.key_path)
        )
        if self.client_ca_path is not None:
            message.custom_ca = _pem(self.client_ca_path)
            message.client_verify = True
        return text_format.MessageToString(message)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Models on one server. A port of 0 means: find a free one.

    `model_config_file` and `ssl_config_file` name files of somebody else, which are
    given to the server as they are; `models` is then what stands in the first one.
    """

    models: tuple[ModelSettings, ...]
    batching: BatchingSettings | None = None
    monitoring_path: str | None = None
    tls: TlsSettings | None = None
    grpc_channel_arguments: Mapping[str, str | int] = dataclasses.field(
        default_factory=dict
    )
    # Flags that this class does not know, as `--name=value`.
    extra_flags: tuple[str, ...] = ()

    port: int = _flag(0)
    rest_api_port: int = _flag(0)
    grpc_socket_path: str | None = _flag()
    model_config_file: str | None = _flag()
    ssl_config_file: str | None = _flag()
    model_config_file_poll_wait_seconds: int | None = _flag()
    file_system_poll_wait_seconds: int | None = _flag()
    allow_version_labels_for_unavailable_models: bool | None = _flag()
    enable_per_model_batching_parameters: bool | None = _flag()
    enable_model_warmup: bool = _flag(True)
    num_request_iterations_for_warmup: int | None = _flag()
    # Upstream's five tries, a minute apart, hide a bad model for too long.
    max_num_load_retries: int = _flag(2)
    load_retry_interval_micros: int = _flag(5_000_000)
    num_load_threads: int | None = _flag()
    num_unload_threads: int | None = _flag()
    saved_model_tags: str | None = _flag()
    prefer_tflite_model: bool | None = _flag()
    tensorflow_session_parallelism: int | None = _flag()
    tensorflow_intra_op_parallelism: int | None = _flag()
    tensorflow_inter_op_parallelism: int | None = _flag()
    grpc_max_threads: int | None = _flag()
    rest_api_num_threads: int | None = _flag()
    rest_api_timeout_in_ms: int | None = _flag()
    rest_api_enable_cors_support: bool | None = _flag()
    enable_grpc_healthcheck_service: bool = _flag(True)
    enable_serialization_as_tensor_content: bool | None = _flag()
    enable_signature_method_name_check: bool | None = _flag()
    shutdown_limit_seconds: int | None = _embedded_flag(harmless=True)
    # With upstream, TLS is gRPC's alone.
    rest_api_enable_tls: bool | None = _embedded_flag(harmless=True)
    grpc_socket_mode: str | None = _embedded_flag()
    access_log_file: str | None = _embedded_flag()
    access_log_sampling_rate: float | None = _embedded_flag()
    bearer_token_file: str | None = _embedded_flag()

    def __post_init__(self) -> None:
        self._check_models()
        self._check_addresses()
        if self.tls is not None and self.ssl_config_file is not None:
            raise ValueError("tls and ssl_config_file are both set; give one of them.")
        if self.rest_api_enable_tls and not (self.tls or self.ssl_config_file):
            raise ValueError("rest_api_enable_tls needs a certificate: set tls, too.")
        path = self.monitoring_path
        if path is not None and not path.startswith("/"):
            raise ValueError(
                f"monitoring_path is {path!r}; it starts with '/', as {METRICS_PATH}."
            )
        sessions = ("session", "intra_op", "inter_op")
        if all(getattr(self, f"tensorflow_{each}_parallelism") for each in sessions):
            raise ValueError(
                "tensorflow_session_parallelism stands for the intra_op and inter_op "
                "numbers; give either it or those two."
            )
        rate = self.access_log_sampling_rate
        if rate is not None and not 0 <= rate <= 1:
            raise ValueError(f"access_log_sampling_rate is {rate}; allowed: 0 to 1.")

    def _check_models(self) -> None:
        names = [model.name for model in self.models]
        if not names:
            raise ValueError("models is empty; give at least one ModelSettings.")
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"Two models have one name: {', '.join(sorted(twice))}.")

    def _check_addresses(self) -> None:
        for name in ("port", "rest_api_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: 0-65535.")
        if self.port and self.port == self.rest_api_port:
            raise ValueError(
                f"port and rest_api_port are both {self.port}; gRPC and REST need two."
            )
        for key, value in self.grpc_channel_arguments.items():
            # Upstream splits the flag at these marks, without a way to quote them.
            if any(mark in f"{key}{value}" for mark in ",="):
                raise ValueError(
                    f"grpc_channel_arguments: {key!r}: {value!r} holds ',' or '='."
                )

    @property
    def only_embedded(self) -> list[str]:
        """What was asked for and only the embedded server has."""
        asked = [
            f"--{field.name}"
            for field in dataclasses.fields(self)
            if field.metadata.get("embedded")
            and not field.metadata.get("harmless")
            and getattr(self, field.name) is not None
        ]
        if any(model.logging is not None for model in self.models):
            asked.append("logging_config")
        return asked

    def files(self) -> dict[str, str]:
        """Name and text of every configuration file.

        Raises:
            ValueError: a PEM file cannot be read.
        """
        files = {}
        if self.model_config_file is None:
            files["models.config"] = models_text(self.models)
        if self.batching is not None:
            files["batching.config"] = self.batching.to_text()
        if self.monitoring_path is not None:
            files["monitoring.config"] = _monitoring_text(self.monitoring_path)
        if self.tls is not None:
            files[SECRET_FILE] = self.tls.to_text()
        return files

    def write_files(self, folder: pathlib.Path) -> None:
        """Puts the configuration files into the folder."""
        for name, text in self.files().items():
            _write(folder / name, text)

    def flags(self, folder: str, *, embedded: bool = False) -> list[str]:
        """The server's arguments, with the files in `folder`."""
        return [*self._flags(folder, embedded), *self.extra_flags]

    def _flags(self, folder: str, embedded: bool) -> Iterator[str]:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            wanted = embedded or not field.metadata.get("embedded")
            if field.metadata.get("flag") and wanted and value is not None:
                yield f"--{field.name}={_flag_text(value)}"
        if self.model_config_file is None:
            yield f"--model_config_file={folder}/models.config"
        if self.batching is not None:
            yield "--enable_batching=true"
            yield f"--batching_parameters_file={folder}/batching.config"
        if self.monitoring_path is not None:
            yield f"--monitoring_config_file={folder}/monitoring.config"
        if self.tls is not None:
            yield f"--ssl_config_file={folder}/{SECRET_FILE}"
        if self.grpc_channel_arguments:
            pairs = (f"{key}={value}" for key, value in self._channel_arguments())
            yield f"--grpc_channel_arguments={','.join(pairs)}"

    def _channel_arguments(self) -> list[tuple[str, str | int]]:
        return sorted(self.grpc_channel_arguments.items())


def _flag_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _monitoring_text(path: str) -> str:
    message = protos.MonitoringConfig()
    message.prometheus_config.enable = True
    message.prometheus_config.path = path
    return text_format.MessageToString(message)


def _pem(path: str) -> str:
    try:
        text = pathlib.Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no PEM text"
        raise ValueError(f"Cannot read {path}: {reason}.") from None
    if "-----BEGIN " not in text:
        raise ValueError(f"{path} holds no PEM text ('-----BEGIN ...').")
    return text


def _write(path: pathlib.Path, text: str) -> None:
    # A server that polls the file must never read half of it.
    fresh = path.with_suffix(".new")
    mode = _SECRET_MODE if path.name == SECRET_FILE else _PLAIN_MODE
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.rename(path)
