"""What was measured on: numbers without it mean nothing."""

import importlib.metadata
import os
import pathlib
import platform
import time
from typing import Self

from benchmarks.load import meters

PACKAGES = ("grpcio", "numpy", "protobuf", "tensorflow", "uvicorn", "uvloop")


def machine_facts() -> dict[str, str | int]:
    """Processor, cores that may be used, and versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    return next(names, platform.machine())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


class Disturbance:
    """How many cores processes that are not ours kept busy while this was open."""

    cores = 0.0

    def __enter__(self) -> Self:
        self._before = self._read()
        return self

    def __exit__(self, *exc_info: object) -> None:
        wall_s, others_s = (
            after - before
            for after, before in zip(self._read(), self._before, strict=True)
        )
        self.cores = max(others_s / wall_s, 0.0)

    def _read(self) -> tuple[float, float]:
        machine_s = meters.machine_seconds() or 0.0
        ours_s = meters.tree_seconds(os.getpid()) or 0.0
        return time.monotonic(), machine_s - ours_s
