"""What to serve and how, for every engine: one class writes the files of all.

What the server reads are the server's own classes: `BatchingConfig`, `ModelEntry`,
`ServerTlsConfig`, `PrometheusConfig`, `ServerFlags`. None of them needs TensorFlow.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

from serving.client.wire.tf_serving_names import GRPC_PORT, METRICS_PATH
from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags, parse_flags
from serving.server.listeners.tls_config import ServerTlsConfig
from serving.server.models.config import ModelEntry, entries_to_text
from serving.server.observation.prometheus import PrometheusConfig

SECRET_FILE = "ssl.config"
"""A file with the private key: only its owner reads it."""
_FILES = {
    "model_config_file": "models.config",
    "batching_parameters_file": "batching.config",
    "monitoring_config_file": "monitoring.config",
    "ssl_config_file": SECRET_FILE,
}

FLAGS = ServerFlags(
    # A free one.
    port=0,
    rest_api_port=0,
    # Upstream's five tries, a minute apart, hide a bad model for too long.
    max_num_load_retries=2,
    load_retry_interval_micros=5_000_000,
    enable_grpc_healthcheck_service=True,
)
"""What we tell a server where nobody says otherwise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files. With `client_ca_path`, clients must show a certificate of that CA."""

    certificate_path: str
    key_path: str
    client_ca_path: str | None = None

    def read(self) -> ServerTlsConfig:
        """Reads what the files hold.

        Raises:
            ValueError: one cannot be read, or is not PEM.
        """
        ca_path = self.client_ca_path
        return ServerTlsConfig(
            server_cert=_pem(self.certificate_path),
            server_key=_pem(self.key_path),
            custom_ca="" if ca_path is None else _pem(ca_path),
            client_verify=ca_path is not None,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Models on one server. A port of 0 means: find a free one.

    `flags.model_config_file` and `flags.ssl_config_file` name files of somebody else,
    which are given to the server as they are; `models` is then what stands in the
    first one.
    """

    models: tuple[ModelEntry, ...]
    batching: BatchingConfig | None = None
    monitoring_path: str | None = None
    tls: TlsFiles | None = None
    flags: ServerFlags = FLAGS
    # Flags that are written also where they have their default: people look for them.
    spelt_out: tuple[str, ...] = ("port", "rest_api_port", "enable_model_warmup")
    # Any other flags, as `--name=value`; they come last and win.
    extra_flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, models: tuple[ModelEntry, ...], **settings: Any) -> "EngineSettings":
        """Takes settings and flags by their names, side by side."""
        own = {field.name for field in dataclasses.fields(cls)}
        flags = {name: settings.pop(name) for name in [*settings] if name not in own}
        return cls(models=models, flags=dataclasses.replace(FLAGS, **flags), **settings)

    def __post_init__(self) -> None:
        self._check_models()
        port = self.flags.port
        if port and port == self.flags.rest_api_port:
            raise ValueError(
                f"port and rest_api_port are both {port}; gRPC and REST need two."
            )
        if self.tls is not None and self.flags.ssl_config_file:
            raise ValueError("tls and ssl_config_file are both set; give one of them.")
        path = self.monitoring_path
        if path is not None and not path.startswith("/"):
            raise ValueError(
                f"monitoring_path is {path!r}; it starts with '/', as {METRICS_PATH}."
            )
        rate = self.flags.access_log_sampling_rate
        if not 0 <= rate <= 1:
            raise ValueError(f"access_log_sampling_rate is {rate}; allowed: 0 to 1.")
        told = self._told("")
        parse_flags(self.extra_flags)
        # To the server, a port of 0 is none.
        dataclasses.replace(told, port=told.port or GRPC_PORT).check()

    def _check_models(self) -> None:
        names = [model.name for model in self.models]
        if not names:
            raise ValueError("models is empty; give at least one ModelEntry.")
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"Two models have one name: {', '.join(sorted(twice))}.")
        for model in self.models:
            _check_model(model)

    @property
    def only_embedded(self) -> list[str]:
        """What was asked for and only the embedded server has."""
        has_logging = any(model.logging is not None for model in self.models)
        extra, _ = parse_flags(self.extra_flags)
        flags = [*self.flags.only_embedded, *extra.only_embedded]
        return [*flags, *(["logging_config"] if has_logging else [])]

    @property
    def unknown_flags(self) -> list[str]:
        """The extra flags that no server we know has."""
        return parse_flags(self.extra_flags)[1]

    def files(self) -> dict[str, str]:
        """Gives name and text of every configuration file.

        Raises:
            ValueError: a PEM file cannot be read.
        """
        return {_FILES[flag]: write() for flag, write in self._writers().items()}

    def _writers(self) -> dict[str, Callable[[], str]]:
        """Gathers what writes each configuration file, by the flag that names it."""
        writers: dict[str, Callable[[], str]] = {}
        if not self.flags.model_config_file:
            writers["model_config_file"] = lambda: entries_to_text(self.models)
        if self.batching is not None:
            writers["batching_parameters_file"] = self.batching.to_text
        if self.monitoring_path is not None:
            monitoring = PrometheusConfig(enable=True, path=self.monitoring_path)
            writers["monitoring_config_file"] = monitoring.to_text
        if self.tls is not None:
            tls = self.tls
            writers["ssl_config_file"] = lambda: tls.read().to_text()
        return writers

    def write_files(self, folder: pathlib.Path) -> None:
        """Puts the configuration files into the folder."""
        for name, text in self.files().items():
            # A server that polls the file must never read half of it.
            fresh = (folder / name).with_suffix(".new")
            fresh.unlink(missing_ok=True)
            mode = 0o600 if name == SECRET_FILE else 0o644
            opener = functools.partial(os.open, mode=mode)
            with open(fresh, "x", encoding="utf-8", opener=opener) as file:
                file.write(text)
            fresh.rename(folder / name)

    def arguments(self, folder: str, *, embedded: bool = False) -> list[str]:
        """Writes the server's command line, with the files in `folder`."""
        told = self._told(folder)
        return [
            *told.to_arguments(embedded=embedded, spelt_out=self.spelt_out),
            *self.extra_flags,
        ]

    def _told(self, folder: str) -> ServerFlags:
        """Gathers all that the server is told."""
        told: dict[str, Any] = {f: f"{folder}/{_FILES[f]}" for f in self._writers()}
        if self.batching is not None:
            told["enable_batching"] = True
        if any(model.labels for model in self.models):
            # Upstream gives labels before it loads, and would refuse to start.
            told["allow_version_labels_for_unavailable_models"] = True
        return dataclasses.replace(self.flags, **told)


def _check_model(model: ModelEntry) -> None:
    """Refuses what a server would take, and nobody can mean."""
    if not model.name or any(mark in model.name for mark in "/:"):
        raise ValueError(
            f"model_name is {model.name!r}; it must not be empty, nor hold '/' or ':', "
            "which separate parts of REST paths."
        )
    if not model.base_path:
        raise ValueError(f"base_path of {model.name} is empty; give a folder.")
    try:
        model.base_path.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"base_path of {model.name} is {model.base_path!a}, a name that is no "
            "UTF-8; a configuration file cannot hold it. Rename the folder."
        ) from None
    latest, specific = model.policy.latest, model.policy.specific
    if latest is not None and latest < 1:
        raise ValueError(f"{model.name}: latest is {latest}; serve 1 version or more.")
    if specific is not None and not set(model.labels.values()) <= set(specific):
        raise ValueError(
            f"{model.name}: labels {dict(model.labels)} point to more versions than "
            f"are served: {list(specific)}."
        )


def _pem(path: str) -> str:
    try:
        text = pathlib.Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no PEM text"
        raise ValueError(f"Cannot read {path}: {reason}.") from None
    if "-----BEGIN " not in text:
        raise ValueError(f"{path} holds no PEM text ('-----BEGIN ...').")
    return text
