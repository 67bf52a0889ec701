"""What the server promises, next to what was measured."""

import dataclasses
from collections.abc import Iterator

from benchmarks.harness.side_by_side import SideBySide

MANY = 64


@dataclasses.dataclass(frozen=True)
class Target:
    """`value` should be at most, or at least, `limit`."""

    name: str
    value: float
    limit: float
    unit: str
    at_most: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the promise is kept."""
        if self.at_most:
            return self.value <= self.limit
        return self.value >= self.limit

    def to_text(self) -> str:
        """One line for a person."""
        sign = "≤" if self.at_most else "≥"
        verdict = "met" if self.is_met else "MISSED"
        return (
            f"{self.name:54}{self.value:9.2f} {sign} {self.limit:8.2f} {self.unit:8}"
            f"{verdict}"
        )


def targets(result: SideBySide) -> Iterator[Target]:
    """The promises that this run can judge."""
    in_process_ms = result.single.p50_ms
    for transport, limit_ms in (
        ("grpc", 1.15 * in_process_ms + 1),
        ("rest", in_process_ms + 2),
    ):
        one = result.point(transport, 1)
        if one is not None and one["latency_ms"]:
            p50_ms = one["latency_ms"]["p50"]
            yield Target(f"{transport}, 1 client: p50", p50_ms, limit_ms, "ms")
        many = result.point(transport, MANY)
        if many is None or not many["latency_ms"]:
            continue
        rate, name = many["requests_per_s"], f"{transport}, {MANY} clients"
        share = result.fair_share(many["client_cpu_us"])
        yield Target(
            f"{name}: share of the in-process limit",
            rate / result.best.texts_per_s,
            0.9,
            "",
            at_most=False,
        )
        yield Target(
            f"{name}: share of what the client's time leaves",
            rate / share,
            0.9,
            "",
            at_most=False,
        )
        if one is not None and one["latency_ms"]:
            limit_ms = 10 * one["latency_ms"]["p50"]
            p99_ms = many["latency_ms"]["p99"]
            yield Target(f"{name}: p99, 10 x one request", p99_ms, limit_ms, "ms")
