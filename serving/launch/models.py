"""Which models to serve: ModelServerConfig, for every engine."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import text_format

from model import contract
from serving import protos
from serving.server.models.config import (
    PLATFORM,
    LoggingConfig,
    VersionPolicy,
    read_config_file,
)
from serving.server.status import StatusError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """One model: its name, the folder of its versions, and which of them to serve."""

    base_path: str
    name: str = contract.MODEL_NAME
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    logging: LoggingConfig | None = None

    def __post_init__(self) -> None:
        if not self.name or any(mark in self.name for mark in "/:"):
            raise ValueError(
                f"model_name is {self.name!r}; it must not be empty, nor hold "
                "'/' or ':', which separate parts of REST paths."
            )
        if not self.base_path:
            raise ValueError(f"base_path of {self.name} is empty; give a folder.")
        if self.policy.latest is not None and self.policy.latest < 1:
            raise ValueError(
                f"{self.name}: latest is {self.policy.latest}; serve 1 version or more."
            )
        served = self.policy.specific
        if served is not None and not set(self.labels.values()) <= set(served):
            raise ValueError(
                f"{self.name}: labels {dict(self.labels)} point to more versions than "
                f"are served: {list(served)}."
            )
        if self.logging is not None and not 0 <= self.logging.sampling_rate <= 1:
            raise ValueError(
                f"{self.name}: sampling_rate is {self.logging.sampling_rate}; allowed: "
                "0 to 1."
            )

    @property
    def is_remote(self) -> bool:
        """True for a URI, which this machine cannot look into."""
        return "://" in self.base_path

    def add_to(self, message: Any) -> None:
        """Appends itself to a ModelServerConfig."""
        local = self.base_path if self.is_remote else os.path.abspath(self.base_path)
        model = message.model_config_list.config.add(
            name=self.name, base_path=local, model_platform=PLATFORM
        )
        model.version_labels.update(self.labels)
        policy = model.model_version_policy
        if self.policy.specific is not None:
            policy.specific.SetInParent()
            policy.specific.versions.extend(self.policy.specific)
        elif self.policy.latest is None:
            policy.all.SetInParent()
        else:
            policy.latest.num_versions = self.policy.latest
        if self.logging is not None:
            collector = model.logging_config.log_collector_config
            collector.type = self.logging.collector_type
            collector.filename_prefix = self.logging.log_file_prefix
            rate = self.logging.sampling_rate
            model.logging_config.sampling_config.sampling_rate = rate


def models_text(models: Iterable[ModelSettings]) -> str:
    """The file for `--model_config_file`."""
    message = protos.ModelServerConfig()
    for model in models:
        model.add_to(message)
    return text_format.MessageToString(message)


def read_models(path: str) -> tuple[ModelSettings, ...]:
    """The models of a `models.config` that somebody else wrote.

    Raises:
        ValueError: no such file, no such format, or a model that cannot be.
    """
    try:
        entries = read_config_file(path)
    except StatusError as error:
        raise ValueError(str(error)) from None
    return tuple(
        ModelSettings(
            name=entry.name,
            base_path=entry.base_path,
            policy=entry.policy,
            labels=entry.labels,
            logging=entry.logging,
        )
        for entry in entries
    )
