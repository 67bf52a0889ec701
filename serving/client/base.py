"""What the waiting and the asyncio client share: settings, words, patience."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

from serving.client.calls import open_dialect
from serving.client.config import ClientConfig
from serving.client.errors import DeadlineExceededError, NotFoundError, UnavailableError
from serving.client.results import Answers, Outputs, VersionStatus, common_version
from serving.client.retry import RetryBudget, RetryPolicy

T = TypeVar("T")

NOT_READY = (UnavailableError, DeadlineExceededError, NotFoundError)
"""The errors that mean: not yet, or no longer."""


class ClientCore:
    """Settings, checked, and all that is made of them but the transport."""

    def __init__(self, endpoint: str = "localhost:8500", **settings: Any) -> None:
        self.config = ClientConfig(endpoint=endpoint, **settings)
        self._dialect = open_dialect(self.config)
        self._budget = RetryBudget(self.config.retry_budget)
        self._policy = RetryPolicy(self.config, self._budget)
        once = dataclasses.replace(self.config, retries=0)
        self._policy_once = RetryPolicy(once, self._budget)

    @classmethod
    def from_config(cls, config: ClientConfig) -> Self:
        """A client with settings that were made before."""
        fields = dataclasses.fields(config)
        return cls(**{field.name: getattr(config, field.name) for field in fields})

    def _fits(self, rows: Sequence[Any]) -> bool:
        return len(rows) <= self.config.max_rows_per_request


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        TypeError: `texts` is one string, or holds something else than strings.
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"texts must be a list of str; got {texts!r}.")
    return list(texts)


def is_available(versions: Iterable[VersionStatus]) -> bool:
    """True when one of them answers requests."""
    return any(version.state == "AVAILABLE" for version in versions)


def joined_answers(parts: Sequence[Answers[T]]) -> Answers[T]:
    """The answers of all parts, in order."""
    version = common_version(part.model_version for part in parts)
    return Answers((answer for part in parts for answer in part), version)


def joined_outputs(parts: Sequence[Outputs]) -> Outputs:
    """The rows of all parts, in order."""
    import numpy as np

    version = common_version(part.model_version for part in parts)
    arrays = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Outputs(arrays, version)
