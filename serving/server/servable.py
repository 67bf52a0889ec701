"""What the server asks of a loaded model, whatever file it was loaded from."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.server.batching.config import BatchingConfig
from serving.server.batching.eligible import batchable


@dataclasses.dataclass(frozen=True)
class WarmupReport:
    """What ran before a version became available; `how`: file, synthesised, none."""

    count: int = 0
    how: str = "none"


@dataclasses.dataclass(frozen=True)
class Call:
    """One run of one signature."""

    signature_name: str
    inputs: dict[str, np.ndarray]
    outputs: list[str]


class Servable(abc.ABC):
    """A loaded model: arrays in, arrays out.

    Attributes:
        signatures: SignatureDef messages by name.
        batching: how requests are computed together; None: each runs alone.
        batchable_signatures: those whose inputs and outputs all have a batch dimension;
            empty without `batching`.
        warmup_report: what ran before the first request.
    """

    signatures: Mapping[str, Any]
    batching: BatchingConfig | None = None
    batchable_signatures: frozenset[str] = frozenset()
    warmup_report = WarmupReport()

    @abc.abstractmethod
    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        """Returns the named outputs of a signature whose every input is given.

        Raises:
            StatusError: with the code and the words of what computes.
        """

    def run_many(
        self, calls: Sequence[Call], timeout_s: float | None
    ) -> list[dict[str, np.ndarray]]:
        """Returns the outputs of every call; one run after the other.

        Raises:
            StatusError: of the first call that fails.
        """
        return [
            self.run(call.signature_name, call.inputs, call.outputs, timeout_s)
            for call in calls
        ]

    def set_batching(self, config: BatchingConfig | None) -> None:
        """Takes the settings; signatures that cannot be batched are left out."""
        self.batching = config
        self.batchable_signatures = (
            frozenset() if config is None else batchable(self.signatures)
        )

    @abc.abstractmethod
    def close(self) -> None:
        """Gives memory back; nothing runs any more."""
