"""What the process itself takes: memory, processor, files; and what it was built of."""

import importlib.metadata
import os
import pathlib
import platform
import resource
import time

from serving.server.observation.registry import COUNTER, Registry

_PREFIX = "/ktp/serving/"
_PROC = pathlib.Path("/proc/self")


def add_process_metrics(registry: Registry) -> None:
    """Adds them; memory and open files are looked up at each scrape, where Linux is."""
    started_s = time.time()
    registry.watch(f"{_PREFIX}process_resident_memory_bytes", _resident_bytes)
    registry.watch(f"{_PREFIX}process_cpu_seconds", _cpu_s, COUNTER)
    registry.watch(f"{_PREFIX}process_open_fds", _open_files)
    registry.watch(f"{_PREFIX}process_start_time_seconds", lambda: started_s)
    packages = ("keras-transformer-pipeline", "tensorflow", "grpcio")
    versions = (platform.python_version(), *map(_version, packages))
    labels = ("python", "version", "tensorflow", "grpcio")
    registry.gauge(f"{_PREFIX}build_info", *labels).cell(*versions).set(1)


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
