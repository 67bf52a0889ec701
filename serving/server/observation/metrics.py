"""Every metric of a server: its name, its labels, its buckets.

Upstream's start with `/tensorflow/` and count exactly what tensorflow_model_server
counts; ours start with `/ktp/serving/`. Latencies are microseconds, as upstream's are.
"""

import functools
import importlib.metadata
import os
import pathlib
import platform
import resource
import time
from collections.abc import Callable, Mapping, Sequence

from serving.server.observation.registry import COUNTER, Registry, exponential_bounds

MICROS = 1_000_000
_LATENCIES = exponential_bounds(10, 1.8, 33)
_SIZES = exponential_bounds(1, 2, 14)
_OURS = "/ktp/serving"
_PROC = pathlib.Path("/proc/self")


class UpstreamMetrics:
    """What TensorFlow Serving 2.21 shows, by its names."""

    def __init__(self, registry: Registry) -> None:
        counter, histogram = registry.counter, registry.histogram
        latency = functools.partial(histogram, bounds=_LATENCIES)
        sizes = functools.partial(histogram, bounds=_SIZES, below_bound=True)
        serving = "/tensorflow/serving"
        self.request_count = counter(f"{serving}/request_count", "model_name", "status")
        self.request_latency = latency(
            f"{serving}/request_latency", "model_name", "API", "entrypoint"
        )
        self.runtime_latency = latency(
            f"{serving}/runtime_latency", "model_name", "API", "runtime"
        )
        self.example_counts = histogram(
            f"{serving}/request_example_counts",
            "model",
            bounds=exponential_bounds(1, 2, 15),
            below_bound=True,
        )
        self.example_total = counter(f"{serving}/request_example_count_total", "model")
        self.logged = counter(
            f"{serving}/request_log_count", "model_name", "status_code"
        )

        saved_model, by_path = "/tensorflow/cc/saved_model", ("model_path", "status")
        self.load_count = counter(f"{saved_model}/load_attempt_count", *by_path)
        self.load_latency = counter(f"{saved_model}/load_latency", "model_path")
        self.warmup_latency = latency(f"{serving}/model_warmup_latency", *by_path)
        self.warmup_records = counter(f"{serving}/model_warmup_records_read", *by_path)

        batching = f"{serving}/batching_session"
        self.batches = counter(f"{batching}/wrapped_run_count")
        self.batch_queuing = histogram(
            f"{batching}/queuing_latency",
            "thread_pool_name",
            bounds=exponential_bounds(100, 1.2, 52),
        )
        self.batch_input_size = sizes(f"{batching}/input_batch_size")
        self.batch_size = sizes(f"{batching}/processed_batch_size")
        self.batch_padding = sizes(f"{batching}/padding_size", "execution_batch_size")


class OwnMetrics:
    """What upstream does not tell: by version and signature, waits apart from runs."""

    def __init__(self, registry: Registry) -> None:
        counter, gauge = registry.counter, registry.gauge
        latency = functools.partial(registry.histogram, bounds=_LATENCIES)
        sizes = functools.partial(registry.histogram, bounds=_SIZES)
        by_signature, by_version = (
            ("model_name", "signature"),
            ("model_name", "version"),
        )
        self.request_count = counter(
            f"{_OURS}/request_count",
            *("model_name", "version", "signature", "API", "entrypoint", "status"),
        )
        self.request_latency = latency(
            f"{_OURS}/request_latency", *by_signature, "entrypoint"
        )
        self.queue_latency = latency(f"{_OURS}/queue_latency", *by_signature)
        self.run_latency = latency(f"{_OURS}/run_latency", *by_signature)
        self.request_rows = sizes(f"{_OURS}/request_rows", *by_signature)
        self.batch_rows = sizes(f"{_OURS}/batch_rows", *by_signature)
        self.request_bytes = counter(f"{_OURS}/request_bytes", "model_name")
        self.response_bytes = counter(f"{_OURS}/response_bytes", "model_name")

        self.model_state = gauge(f"{_OURS}/model_state", *by_version)
        self.load_seconds = gauge(f"{_OURS}/model_load_seconds", *by_version)
        self.warmup_requests = gauge(
            f"{_OURS}/model_warmup_requests", *by_version, "source"
        )


def add_gauges(
    registry: Registry,
    *,
    in_flight: Callable[[], int],
    waiting: Callable[[], int],
    unready_models: Callable[[], Sequence[str]],
    dropped: Callable[[], Mapping[str, int]],
) -> None:
    """Adds ours that are looked up at each scrape.

    Args:
        registry: where they are shown.
        in_flight: how many requests are under way.
        waiting: how many of them wait for a thread or a batch.
        unready_models: the models that cannot answer now.
        dropped: how many records each log (`access`, `request`) had to drop.
    """
    registry.watch(f"{_OURS}/in_flight_requests", in_flight)
    registry.watch(f"{_OURS}/queue_length", waiting)
    registry.watch(
        f"{_OURS}/unready_model",
        lambda: dict.fromkeys(unready_models(), 1),
        "model_name",
    )
    registry.watch(f"{_OURS}/dropped_log_records", dropped, "log", kind=COUNTER)


def add_process_metrics(registry: Registry) -> None:
    """Adds what the process itself takes, looked up at each scrape, and its parts."""
    started_s = time.time()
    registry.watch(f"{_OURS}/process_resident_memory_bytes", _resident_bytes)
    registry.watch(f"{_OURS}/process_cpu_seconds", _cpu_s, kind=COUNTER)
    registry.watch(f"{_OURS}/process_open_fds", _open_files)
    registry.watch(f"{_OURS}/process_start_time_seconds", lambda: started_s)
    packages = ("keras-transformer-pipeline", "tensorflow", "grpcio")
    versions = (platform.python_version(), *map(_version, packages))
    labels = ("python", "version", "tensorflow", "grpcio")
    registry.gauge(f"{_OURS}/build_info", *labels).cell(*versions).set(1)


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
