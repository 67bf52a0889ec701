"""Which models to serve: ModelServerConfig, checked, as plain values."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import text_format

from serving import protos
from serving.server.status import invalid_argument

PLATFORM = "tensorflow"


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """The versions to serve: the `latest` N, all (None), or the `specific` ones."""

    latest: int | None = 1
    specific: tuple[int, ...] = ()

    def select(self, found: Iterable[int]) -> list[int]:
        """The versions to serve out of those that are there, oldest first."""
        versions = sorted(found)
        if self.specific:
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
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise invalid_argument(f"Cannot read {path}: {error.strerror}") from None
    return entries_of(parse_text(text, protos.ModelServerConfig, path))


def parse_text(text: str, message_class: Any, path: str) -> Any:
    """A text-format message, or upstream's words for a file that is none."""
    try:
        return text_format.Parse(text, message_class(), descriptor_pool=protos.pool())
    except text_format.ParseError as error:
        name = message_class.DESCRIPTOR.full_name
        raise invalid_argument(
            f"Invalid protobuf file: '{path}': "
            f"Error parsing text-format {name}: {error}"
        ) from None


def entries_of(config: Any) -> list[ModelEntry]:
    """The checked models of a ModelServerConfig message."""
    entries: dict[str, ModelEntry] = {}
    for model in config.model_config_list.config:
        if model.name in entries:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        entries[model.name] = _entry(model)
    return list(entries.values())


def _entry(model: Any) -> ModelEntry:
    _check_platform(model)
    if not model.base_path.startswith("/") and "://" not in model.base_path:
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )
    return ModelEntry(
        name=model.name,
        base_path=model.base_path,
        policy=_policy(model.model_version_policy),
        labels=dict(model.version_labels),
    )


def _check_platform(model: Any) -> None:
    if not model.model_platform and not model.model_type:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_platform and model.model_platform != PLATFORM:
        raise invalid_argument(
            f"Model {model.name} requests unsupported platform {model.model_platform}"
        )


def _policy(policy: Any) -> VersionPolicy:
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return VersionPolicy(latest=None)
    if kind == "specific":
        return VersionPolicy(specific=tuple(policy.specific.versions))
    return VersionPolicy(latest=policy.latest.num_versions or 1)
