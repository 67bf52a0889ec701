"""Which models to serve: ModelServerConfig, for every engine."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import text_format

from model import contract
from serving import protos
from serving.server.models import PLATFORM, VersionPolicy, read_config_file
from serving.server.status import StatusError


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestLogSettings:
    """A share of all requests, kept as PredictionLog in `PREFIX...` files."""

    filename_prefix: str
    sampling_rate: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(
                f"sampling_rate is {self.sampling_rate}; allowed: above 0, up to 1."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """One model: its name, the folder of its versions, and which of them to serve."""

    base_path: str
    name: str = contract.MODEL_NAME
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    request_log: RequestLogSettings | None = None

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
        missing = set(self.labels.values()) - set(self.policy.specific)
        if self.policy.specific and missing:
            raise ValueError(
                f"{self.name}: labels point to versions {sorted(missing)}, and only "
                f"{list(self.policy.specific)} are served."
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
        if self.policy.specific:
            policy.specific.versions.extend(self.policy.specific)
        elif self.policy.latest is None:
            policy.all.SetInParent()
        else:
            policy.latest.num_versions = self.policy.latest
        if self.request_log is not None:
            logging = model.logging_config
            prefix = self.request_log.filename_prefix
            logging.log_collector_config.filename_prefix = prefix
            logging.sampling_config.sampling_rate = self.request_log.sampling_rate


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
        )
        for entry in entries
    )
