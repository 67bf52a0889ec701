"""What calls give back, beside predictions: outputs, answers, versions, signatures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    # Asking with texts alone needs no numpy, and importing it takes 0.2 s.
    import numpy as np

T = TypeVar("T")


class Outputs(dict[str, "np.ndarray"]):
    """The outputs of a signature by name, and the version that computed them.

    `model_version` is None where the server does not say, as TF Serving's REST API, or
    where parts of a request were answered by different versions.
    """

    def __init__(
        self,
        outputs: Mapping[str, np.ndarray] | Iterable[tuple[str, np.ndarray]] = (),
        model_version: int | None = None,
    ) -> None:
        super().__init__(outputs)
        self.model_version = model_version


class Answers(list[T]):
    """One answer per example, in order; `model_version` as in `Outputs`."""

    def __init__(
        self, answers: Iterable[T] = (), model_version: int | None = None
    ) -> None:
        super().__init__(answers)
        self.model_version = model_version


@dataclasses.dataclass(frozen=True)
class Classification:
    """Labels with their scores, in the server's order. A model may leave one out."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]

    @property
    def best(self) -> str:
        """The label with the highest score.

        Raises:
            ValueError: there is none.
        """
        return self.labels[max(range(len(self.scores)), key=self.scores.__getitem__)]


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """One version of a model, as the server sees it. `state` is `AVAILABLE` or not."""

    version: int
    state: str
    error_code: str = "OK"
    error_message: str = ""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """A tensor of a signature. None in `shape` is any size, `shape` None any rank."""

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class SignatureSpec:
    """What goes into a signature and what comes out."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """A loaded version and its signatures."""

    name: str
    version: int
    signatures: Mapping[str, SignatureSpec]


def common_version(versions: Iterable[int | None]) -> int | None:
    """Gives the version that all parts have, or None."""
    distinct = set(versions)
    return distinct.pop() if len(distinct) == 1 else None


def signature_specs(signature_defs: Mapping[str, Any]) -> dict[str, SignatureSpec]:
    """Makes plain values of SignatureDef messages, without the initialisation one."""
    return {
        name: SignatureSpec(_tensor_specs(one.inputs), _tensor_specs(one.outputs))
        for name, one in sorted(signature_defs.items())
        if not name.startswith("__saved_model_")
    }


def _tensor_specs(infos: Mapping[str, Any]) -> dict[str, TensorSpec]:
    from .wire import dtypes  # brings numpy

    specs = {}
    for name, info in sorted(infos.items()):
        shape = None
        if not info.tensor_shape.unknown_rank:
            sizes = [dim.size for dim in info.tensor_shape.dim]
            shape = tuple(None if size < 0 else size for size in sizes)
        specs[name] = TensorSpec(dtypes.name_of(info.dtype), shape)
    return specs
