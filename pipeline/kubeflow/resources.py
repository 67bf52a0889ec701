"""What a step is given of a node: processors, memory, accelerators."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Self

from model.settings import quoted
from pipeline.errors import SettingError

GPU = "nvidia.com/gpu"
_SIZE = re.compile(r"(\d+)([MGT]i?)", re.ASCII)
_UNITS = {"M": 1e6, "G": 1e9, "T": 1e12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_ADVICE = "write NODE:cpu=4,memory=8Gi, and gpu=1 or gpu-type=… where it is to have one"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits of a step; half of cpu and memory are its request.

    `memory` is a Kubernetes quantity. On Vertex AI `gpu_type` is an accelerator's name,
    such as NVIDIA_L4; on Kubeflow a resource of the cluster's nodes.
    """

    cpu: float = 2.0
    memory: str = "4Gi"
    gpus: int = 0
    gpu_type: str = GPU

    def as_spec(self) -> dict[str, Any]:
        """Gives the container's `resources`, in the old fields and in the new."""
        bytes_ = _bytes(self.memory)
        resources: dict[str, Any] = {
            "cpuLimit": self.cpu,
            "cpuRequest": self.cpu / 2,
            "memoryLimit": bytes_ / 1e9,
            "memoryRequest": bytes_ / 2e9,
            "resourceCpuLimit": f"{self.cpu:g}",
            "resourceCpuRequest": f"{self.cpu / 2:g}",
            "resourceMemoryLimit": self.memory,
            "resourceMemoryRequest": f"{bytes_ // 2**21}Mi",
        }
        if self.gpus:
            resources["accelerator"] = {
                "count": str(self.gpus),
                "type": self.gpu_type,
                "resourceCount": str(self.gpus),
                "resourceType": self.gpu_type,
            }
        return resources


DEFAULTS: Mapping[str, Resources] = {
    "Trainer": Resources(cpu=4, memory="8Gi"),
    "SettingsTuner": Resources(cpu=4, memory="8Gi"),
}
"""Of steps that want more than the others: a run had 1.8 GB at 300,000 short rows with
preset tiny, and 3.5 GB with a pretrained encoder of 22 million weights."""


@dataclasses.dataclass(frozen=True)
class StepResources:
    """Resources by the id of a node; others have those of `Resources()`."""

    by_node: Mapping[str, Resources] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Self:
        """Reads node to `cpu=4,memory=8Gi,gpu=1,gpu-type=nvidia.com/gpu`.

        Raises:
            SettingError: one of them reads otherwise.
        """
        return cls({node: _parsed(node, text) for node, text in texts.items()})

    def of(self, node: str) -> Resources:
        """Gives what is asked for a node."""
        return self.by_node.get(node) or DEFAULTS.get(node) or Resources()


def _parsed(node: str, text: str) -> Resources:
    found: dict[str, Any] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        found |= _field(node, key, value)
    return dataclasses.replace(DEFAULTS.get(node) or Resources(), **found)


def _field(node: str, key: str, value: str) -> dict[str, Any]:
    match key:
        case "cpu" if re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII) and float(value):
            return {"cpu": float(value)}
        case "memory" if _SIZE.fullmatch(value):
            return {"memory": value}
        case "gpu" if re.fullmatch(r"\d{1,3}", value, re.ASCII):
            return {"gpus": int(value)}
        case "gpu-type" if re.fullmatch(r"[\w./-]+", value, re.ASCII):
            return {"gpu_type": value}
    told = f"{key}={value}" if value else key
    raise SettingError(f"The resources of {node} have {quoted(told)}; {_ADVICE}.")


def _bytes(memory: str) -> int:
    size = _SIZE.fullmatch(memory)
    assert size is not None  # Defaults, and what `_field` let through.
    return int(int(size[1]) * _UNITS[size[2]])
