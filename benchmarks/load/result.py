"""What a run showed, as numbers and as the lines that a person reads."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import Window

PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSide:
    """What only the server's machine can tell; None where it was not asked."""

    cpu_s: float | None = None
    mean_batch_size: float | None = None
    batch_counts: Mapping[str, int] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadResult:
    """Latencies in milliseconds, processor time in microseconds per answer."""

    config: LoadConfig
    arrived: int
    answered: int
    errors: Mapping[str, int]
    error_examples: Mapping[str, str]
    not_sent: int
    checked: int
    requests_per_s: float
    texts_per_s: float
    latency_ms: Mapping[str, float]
    send_delay_ms: Mapping[str, float]
    client_cpu_us: float | None
    server_cpu_us: float | None
    mean_batch_size: float | None
    batch_counts: Mapping[str, int] | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    def to_text(self) -> str:
        """A few lines for a terminal."""
        config, answers = self.config, f"{self.answered} answers"
        load = (
            f"{config.clients} clients"
            if config.rate_per_s is None
            else f"{config.rate_per_s:g} requests/s, {config.arrivals}"
        )
        lines = [
            f"{config.transport} {config.endpoint}, {load}, {config.duration_s:g} s "
            f"after {config.warm_up_s:g} s warm-up",
            f"  throughput  {self.requests_per_s:.1f} requests/s, "
            f"{self.texts_per_s:.1f} texts/s, {answers}, {self.checked} checked",
            f"  latency     {_join(self.latency_ms)}",
            f"  sent late   {_join(self.send_delay_ms)}",
            f"  processor   client {_microseconds(self.client_cpu_us)}, "
            f"server {_microseconds(self.server_cpu_us)} per answer",
        ]
        if self.mean_batch_size is not None:
            counts = ", ".join(
                f"≤{k}: {v}" for k, v in (self.batch_counts or {}).items()
            )
            lines.append(f"  batches     {self.mean_batch_size:.1f} rows; {counts}")
        if self.not_sent:
            lines.append(f"  not sent    {self.not_sent}: the load was over before")
        lines += [
            f"  error       {count} x {kind}: {self.error_examples[kind]}"
            for kind, count in self.errors.items()
        ]
        return "\n".join(lines)


def summarize(
    config: LoadConfig, window: Window, own_cpu_s: float, server: ServerSide
) -> LoadResult:
    """Turns what was noted into what is reported."""
    per_s = window.answered_in_time / config.duration_s

    def per_answer(seconds: float | None) -> float | None:
        if seconds is None or not window.answered_in_time:
            return None
        return seconds / window.answered_in_time * 1e6

    return LoadResult(
        config=config,
        arrived=window.arrived,
        answered=len(window.latencies_s),
        errors=dict(window.errors),
        error_examples=window.examples,
        not_sent=window.not_sent,
        checked=window.checked,
        requests_per_s=per_s,
        texts_per_s=per_s * config.texts_per_request,
        latency_ms=percentiles_ms(window.latencies_s),
        send_delay_ms=percentiles_ms(window.send_delays_s),
        client_cpu_us=per_answer(own_cpu_s),
        server_cpu_us=per_answer(server.cpu_s),
        mean_batch_size=server.mean_batch_size,
        batch_counts=server.batch_counts,
    )


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """The percentiles that are reported; empty without a value."""
    if not seconds:
        return {}
    values = np.percentile(np.asarray(seconds) * 1000, list(PERCENTILES.values()))
    return dict(zip(PERCENTILES, values.tolist(), strict=True))


def _join(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items()) + " ms"


def _microseconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} us"
