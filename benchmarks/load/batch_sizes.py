"""Batch sizes reached, from the histogram in a server's Prometheus metrics."""

import collections
import re
import urllib.request
from collections.abc import Mapping

# TF Serving's histogram of computed batches: rows, padding included, one per batch.
_SAMPLE = re.compile(
    r"^:tensorflow:serving:batching_session:processed_batch_size"
    r"_(bucket|sum|count)(?:\{(.*)\})? (\S+)",
    re.MULTILINE,
)
_LE = re.compile(r'le="([^"]+)"')

Histogram = Mapping[str, float]
"""Totals so far: `sum`, `count`, and `le=4` for batches of at most four rows."""


def scrape(url: str, timeout_s: float = 5.0) -> Histogram | None:
    """The histogram of all models and signatures; None if the server has none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return parse(answer.read().decode())
    except OSError:
        return None  # Metrics are off, or elsewhere; the load does not depend on them.


def parse(text: str) -> Histogram | None:
    """The same, from the text that Prometheus reads."""
    totals: dict[str, float] = collections.defaultdict(float)
    for part, labels, value in _SAMPLE.findall(text):
        limit = _LE.search(labels)
        totals[f"le={limit[1]}" if limit else part] += float(value)
    return dict(totals) or None


def mean_between(before: Histogram | None, after: Histogram | None) -> float | None:
    """Rows per batch among the batches between two scrapes."""
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
