"""Which models to serve: ModelServerConfig, checked, as plain values.

One class for the launcher, which writes the file, and for the server, which reads it.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import text_format

from serving.client import protos
from serving.server.config_files import parse_message, read_settings
from serving.server.flags import ServerFlags
from serving.version_dirs import has_scheme

PLATFORM = "tensorflow"
MODEL_TYPE_TENSORFLOW = 1


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """The versions to serve: the `latest` N, all (None), or the `specific` ones.

    Specific versions that are not there are left out; none at all serves nothing.
    """

    latest: int | None = 1
    specific: tuple[int, ...] | None = None

    def select(self, found: Iterable[int]) -> list[int]:
        """Chooses the versions to serve out of those that are there, oldest first."""
        versions = sorted(found)
        if self.specific is not None:
            return [version for version in versions if version in self.specific]
        return versions if self.latest is None else versions[-self.latest :]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """Which share of a model's requests is logged, and to which files."""

    log_file_prefix: str
    sampling_rate: float
    collector_type: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model: its name, the folder of its versions, and which of them to serve.

    Raises:
        ValueError: its logging names no file, or no share of the requests.
    """

    name: str
    base_path: str
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    logging: LoggingConfig | None = None

    def __post_init__(self) -> None:
        if self.logging is None:
            return
        if not self.logging.log_file_prefix:
            raise ValueError(
                f"logging_config of model {self.name} names no file; set "
                "log_collector_config { filename_prefix }."
            )
        if not 0 <= self.logging.sampling_rate <= 1:
            raise ValueError(
                f"logging_config of model {self.name} has sampling_rate "
                f"{self.logging.sampling_rate}; it must be from 0 to 1."
            )

    @property
    def is_remote(self) -> bool:
        """True for a URI, which this machine cannot look into."""
        return has_scheme(self.base_path)


def entries_to_text(entries: Iterable[ModelEntry]) -> str:
    """Writes the file for `--model_config_file`, with absolute paths."""
    message = protos.ModelServerConfig()
    for entry in entries:
        _write(entry, message.model_config_list.config.add())
    return text_format.MessageToString(message)


def read_config_file(path: str) -> list[ModelEntry]:
    """Reads the models of a file.

    Raises:
        StatusError: the file cannot be read or parsed, or names an impossible model.
    """
    return read_settings(
        path, lambda text: entries_of(parse_message(text, protos.ModelServerConfig))
    )


def entries_from_flags(flags: ServerFlags) -> list[ModelEntry]:
    """Lists the models that the flags name; a file of models wins over a base path.

    Raises:
        StatusError: as `read_config_file`.
    """
    if flags.model_config_file:
        return read_config_file(flags.model_config_file)
    return [ModelEntry(name=flags.model_name, base_path=flags.model_base_path)]


def entries_of(
    config: Any, serving: Mapping[str, ModelEntry] | None = None
) -> list[ModelEntry]:
    """Checks and lists the models of a ModelServerConfig message.

    Args:
        config: the message; an empty one names no models.
        serving: models that are configured already; their platform must not change.

    Raises:
        ValueError: in upstream's words (server_core.cc).
    """
    if config.HasField("custom_model_config"):
        raise ValueError(
            "custom_model_config is not supported by the embedded server; list the "
            "models in model_config_list."
        )
    models = config.model_config_list.config
    _check_names_and_paths(models)
    for model in models:
        _check_platform(model, serving or {})
    return [_entry(model) for model in models]


def _check_names_and_paths(models: Iterable[Any]) -> None:
    names: set[str] = set()
    for model in models:
        if model.name in names:
            raise ValueError(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
    for model in models:
        if not model.base_path.startswith("/") and not has_scheme(model.base_path):
            raise ValueError(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )


def _entry(model: Any) -> ModelEntry:
    return ModelEntry(
        name=model.name,
        base_path=model.base_path,
        policy=_policy(model.model_version_policy),
        labels=dict(model.version_labels),
        logging=_logging(model),
    )


def _check_platform(model: Any, serving: Mapping[str, ModelEntry]) -> None:
    platform = model.model_platform
    if model.model_type and platform:
        raise ValueError(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_type not in (0, MODEL_TYPE_TENSORFLOW):
        raise ValueError(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    if not model.model_type and not platform:
        raise ValueError(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if platform in ("", PLATFORM):
        return
    if model.name in serving:
        raise ValueError(
            f"Illegal to change a model's platform. For model {model.name} platform "
            f"was {PLATFORM} and new platform requested is {platform}"
        )
    raise ValueError(f"Model {model.name} requests unsupported platform {platform}")


def _policy(policy: Any) -> VersionPolicy:
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return VersionPolicy(latest=None)
    if kind == "specific":
        return VersionPolicy(specific=tuple(policy.specific.versions))
    return VersionPolicy(latest=policy.latest.num_versions or 1)


def _logging(model: Any) -> LoggingConfig | None:
    if not model.HasField("logging_config"):
        return None
    collector = model.logging_config.log_collector_config
    return LoggingConfig(
        log_file_prefix=collector.filename_prefix,
        sampling_rate=model.logging_config.sampling_config.sampling_rate,
        collector_type=collector.type,
    )


def _write(entry: ModelEntry, model: Any) -> None:
    model.name = entry.name
    # The server runs in another folder than its caller.
    is_remote = entry.is_remote
    model.base_path = entry.base_path if is_remote else os.path.abspath(entry.base_path)
    model.model_platform = PLATFORM
    model.version_labels.update(entry.labels)
    policy = model.model_version_policy
    if entry.policy.specific is not None:
        policy.specific.SetInParent()
        policy.specific.versions.extend(entry.policy.specific)
    elif entry.policy.latest is None:
        policy.all.SetInParent()
    else:
        policy.latest.num_versions = entry.policy.latest
    if entry.logging is not None:
        collector = model.logging_config.log_collector_config
        collector.type = entry.logging.collector_type
        collector.filename_prefix = entry.logging.log_file_prefix
        rate = entry.logging.sampling_rate
        model.logging_config.sampling_config.sampling_rate = rate
