"""What was measured on: numbers without it mean nothing."""

import importlib.metadata
import os
import pathlib
import platform

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
