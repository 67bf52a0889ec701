"""What the server asks of a loaded model, whatever file it was loaded from."""

import abc
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.client import protos
from serving.server.batching.config import BatchingConfig

log = logging.getLogger(__name__)


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
        signatures = {} if config is None else self.signatures
        self.batchable_signatures = batchable(signatures)

    @abc.abstractmethod
    def close(self) -> None:
        """Gives memory back; nothing runs any more."""


def batchable(signatures: Mapping[str, "protos.SignatureDef"]) -> frozenset[str]:
    """Names the signatures whose every tensor has a batch dimension first.

    The others run one request at a time; the log says why.
    """
    reasons = {name: _reason_against(each) for name, each in signatures.items()}
    for name, reason in sorted(reasons.items()):
        if reason and not name.startswith("__saved_model_"):
            log.warning("Signature %s runs unbatched: %s.", name, reason)
    return frozenset(name for name, reason in reasons.items() if not reason)


def _reason_against(signature: "protos.SignatureDef") -> str:
    """Says why its requests cannot be computed together; empty if they can."""
    if not signature.inputs:
        return "it has no inputs"
    if not signature.outputs:
        return "it has no outputs"
    sides = (("input", signature.inputs), ("output", signature.outputs))
    for side, infos in sides:
        for alias in sorted(infos):
            if reason := _reason_of_tensor(infos[alias]):
                return f"{side} {alias} {reason}"
    return ""


def _reason_of_tensor(info: "protos.TensorInfo") -> str:
    shape = info.tensor_shape
    if not info.name:
        return "is not a dense tensor"
    if not shape.unknown_rank and not shape.dim:
        return "is a scalar, without a batch dimension"
    if shape.dim and shape.dim[0].size >= 0:
        return f"has a first dimension of fixed size {shape.dim[0].size}"
    return ""
