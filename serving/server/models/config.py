"""Which models to serve: ModelServerConfig, checked, as plain values."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from serving import protos
from serving.server.config_files import read_text_message
from serving.server.status import invalid_argument
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
        """The versions to serve out of those that are there, oldest first."""
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
    """One model of the configuration."""

    name: str
    base_path: str
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    logging: LoggingConfig | None = None


def read_config_file(path: str) -> list[ModelEntry]:
    """The models of a text-format ModelServerConfig file.

    Raises:
        StatusError: the file cannot be read or parsed, or names an impossible model.
    """
    return entries_of(read_text_message(path, protos.ModelServerConfig))


def entries_of(
    config: Any, serving: Mapping[str, ModelEntry] | None = None
) -> list[ModelEntry]:
    """The checked models of a ModelServerConfig message.

    Args:
        config: the message; an empty one names no models.
        serving: models that are configured already; their platform must not change.

    Raises:
        StatusError: in upstream's words (server_core.cc).
    """
    if config.HasField("custom_model_config"):
        raise invalid_argument(
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
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
    for model in models:
        if not model.base_path.startswith("/") and not has_scheme(model.base_path):
            raise invalid_argument(
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
    platform = _platform(model)
    if platform != PLATFORM and model.name in serving:
        raise invalid_argument(
            f"Illegal to change a model's platform. For model {model.name} platform "
            f"was {PLATFORM} and new platform requested is {platform}"
        )
    if platform != PLATFORM:
        raise invalid_argument(
            f"Model {model.name} requests unsupported platform {platform}"
        )


def _platform(model: Any) -> str:
    platform = str(model.model_platform)
    if model.model_type and platform:
        raise invalid_argument(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_type not in (0, MODEL_TYPE_TENSORFLOW):
        raise invalid_argument(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    if not model.model_type and not platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    return platform or PLATFORM


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
    rate = model.logging_config.sampling_config.sampling_rate
    if not collector.filename_prefix:
        raise invalid_argument(
            f"logging_config of model {model.name} names no file; set "
            "log_collector_config { filename_prefix }."
        )
    if not 0 <= rate <= 1:
        raise invalid_argument(
            f"logging_config of model {model.name} has sampling_rate {rate}; "
            "it must be from 0 to 1."
        )
    return LoggingConfig(
        log_file_prefix=collector.filename_prefix,
        sampling_rate=rate,
        collector_type=collector.type,
    )
