"""What is read beside a load: processor time (Linux) and the server's batch sizes."""

import collections
import os
import pathlib
import re
import time
import urllib.request
from collections.abc import Mapping

_PROC = pathlib.Path("/proc")
# TF Serving's histogram of computed batches: rows, padding included, one per batch.
_SAMPLE = re.compile(
    r"^:tensorflow:serving:batching_session:processed_batch_size"
    r"_(bucket|sum|count)(?:\{(.*)\})? (\S+)",
    re.MULTILINE,
)
_LE = re.compile(r'le="([^"]+)"')

Histogram = Mapping[str, float]
"""Totals so far: `sum`, `count`, and `le=4` for batches of at most four rows."""


class Meters:
    """Processor times at the window's edges, batch sizes before and after it all."""

    def __init__(self, server_pid: int | None, metrics_url: str | None) -> None:
        self._server_pid = server_pid
        self._metrics_url = metrics_url
        self._own_s: list[float] = []
        self._server_s: list[float | None] = []

    def read(self) -> None:
        self._own_s.append(own_seconds())
        pid = self._server_pid
        self._server_s.append(None if pid is None else tree_seconds(pid))

    def own_seconds(self) -> float:
        return self._own_s[-1] - self._own_s[0]

    def server_seconds(self) -> float | None:
        first, last = self._server_s[0], self._server_s[-1]
        return None if first is None or last is None else last - first

    def batches(self) -> Histogram | None:
        return (
            None if self._metrics_url is None else read_batch_sizes(self._metrics_url)
        )


def own_seconds() -> float:
    """User and system time of all threads of this process."""
    return time.process_time()


def tree_seconds(process_id: int) -> float | None:
    """User and system time of a process, its ended and its living children.

    None where it cannot be known: no such process, or no `/proc`.
    """
    stats = {pid: stat for pid in _process_ids() if (stat := _stat(pid)) is not None}
    if process_id not in stats:
        return None
    family: set[int] = set()
    found = {process_id}
    while found:
        family |= found
        found = {p for p, (parent, _) in stats.items() if parent in family} - family
    ticks = sum(stats[member][1] for member in family)
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float | None:
    """Time that all cores together have spent on anything but waiting."""
    path = _PROC / "stat"
    if not path.is_file():
        return None
    user, nice, system, _idle, _iowait, *irq = map(
        int, path.read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + sum(irq)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process_id: int) -> int:
    """Memory that the process holds in RAM now."""
    pages = (_PROC / str(process_id) / "statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _process_ids() -> list[int]:
    if not _PROC.is_dir():
        return []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(process_id: int) -> tuple[int, int] | None:
    """Parent and ticks: user, system, and both of children that were waited for."""
    try:
        text = (_PROC / str(process_id) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None  # It ended between the listing and now.
    # The name, in parentheses, may hold anything; what follows is numbers.
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15])


def read_batch_sizes(url: str, timeout_s: float = 5.0) -> Histogram | None:
    """The histogram of all models and signatures; None if the server has none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return parse_batch_sizes(answer.read().decode())
    except OSError:
        return None  # Metrics are off, or elsewhere; the load does not depend on them.


def parse_batch_sizes(text: str) -> Histogram | None:
    """The histogram, from the text that Prometheus reads."""
    totals: dict[str, float] = collections.defaultdict(float)
    for part, labels, value in _SAMPLE.findall(text):
        limit = _LE.search(labels)
        totals[f"le={limit[1]}" if limit else part] += float(value)
    return dict(totals) or None


def mean_between(before: Histogram | None, after: Histogram | None) -> float | None:
    """Rows per batch among the batches between two looks."""
    if before is None or after is None:
        return None
    count = after.get("count", 0) - before.get("count", 0)
    return (after.get("sum", 0) - before.get("sum", 0)) / count if count else None


def counts_between(
    before: Histogram | None, after: Histogram | None
) -> dict[str, int] | None:
    """Batches by the smallest limit that holds them, without empty ones."""
    if before is None or after is None:
        return None
    limits = sorted(
        (name for name in after if name.startswith("le=")), key=lambda n: float(n[3:])
    )
    counts, below = {}, 0.0
    for name in limits:
        up_to = after[name] - before.get(name, 0)
        if up_to > below:
            counts[name[3:]] = int(up_to - below)
        below = up_to
    return counts
