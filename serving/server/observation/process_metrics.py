"""What the process itself takes: memory, processor, files; and what it was built of."""

import importlib.metadata
import os
import pathlib
import platform
import resource
import time

from serving.server.observation.registry import COUNTER, GAUGE, Labels, Registry

_PREFIX = "/ktp/serving/"
_PROC = pathlib.Path("/proc/self")


def add_process_metrics(registry: Registry) -> None:
    """Memory and open files are looked up at each scrape; Linux has them."""
    started_s = time.time()
    callback = registry.callback
    memory = f"{_PREFIX}process_resident_memory_bytes"
    callback(memory, GAUGE, (), lambda: _one(_resident_bytes()))
    callback(f"{_PREFIX}process_cpu_seconds", COUNTER, (), lambda: _one(_cpu_s()))
    callback(f"{_PREFIX}process_open_fds", GAUGE, (), lambda: _one(_open_files()))
    start = f"{_PREFIX}process_start_time_seconds"
    callback(start, GAUGE, (), lambda: _one(started_s))
    packages = ("keras-transformer-pipeline", "tensorflow", "grpcio")
    versions = (platform.python_version(), *map(_version, packages))
    labels = ("python", "version", "tensorflow", "grpcio")
    registry.gauge(f"{_PREFIX}build_info", *labels).cell(*versions).set(1)


def _one(value: float) -> dict[Labels, float]:
    return {(): value}


def _resident_bytes() -> int:
    pages = int((_PROC / "statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _open_files() -> int:
    return len(os.listdir(_PROC / "fd"))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
