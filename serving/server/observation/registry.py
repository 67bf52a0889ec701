"""Counters, gauges and histograms of one process, ready to be read at any time.

Names are TensorFlow's, with slashes; `prometheus.py` turns them into Prometheus' own.
"""

import bisect
import dataclasses
import itertools
import logging
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

Labels = tuple[str, ...]


class Number:
    """One counter or gauge. Any thread may call; the lock is held for one addition."""

    __slots__ = ("_lock", "value")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.value: float = 0

    def add(self, amount: float = 1) -> None:
        with self._lock:
            self.value += amount

    def set(self, value: float) -> None:
        self.value = value

    def read(self) -> float:
        return self.value


@dataclasses.dataclass(frozen=True)
class HistogramValue:
    """`counts` has one place more than `bounds`: what lies above the last."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Distribution:
    """One histogram. Any thread may call."""

    __slots__ = ("_bounds", "_counts", "_find", "_lock", "_total")

    def __init__(
        self, lock: threading.Lock, bounds: tuple[float, ...], below_bound: bool
    ) -> None:
        self._lock = lock
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self._find: Callable[[tuple[float, ...], float], int] = (
            bisect.bisect_right if below_bound else bisect.bisect_left
        )

    def add(self, value: float) -> None:
        with self._lock:
            self._counts[self._find(self._bounds, value)] += 1
            self._total += value

    def read(self) -> HistogramValue:
        with self._lock:
            return HistogramValue(self._bounds, tuple(self._counts), self._total)


Cell = TypeVar("Cell", Number, Distribution)
Sample = tuple[Labels, float | HistogramValue]


@dataclasses.dataclass(frozen=True)
class Family:
    """What one metric says now; samples in the order of their labels."""

    name: str
    kind: str
    label_names: Labels
    samples: Sequence[Sample]


@dataclasses.dataclass(eq=False)
class Metric(Generic[Cell]):
    """A name, its labels, and a cell for every combination that has been met."""

    name: str
    kind: str
    label_names: Labels
    make_cell: Callable[[threading.Lock], Cell]
    _cells: dict[Labels, Cell] = dataclasses.field(default_factory=dict)
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def cell(self, *labels: str) -> Cell:
        """Returns the cell of these label values, in the names' order; keep it."""
        with self._lock:
            cell = self._cells.get(labels)
            if cell is None:
                if len(labels) != len(self.label_names):
                    raise ValueError(
                        f"{self.name} has labels {self.label_names}; received {labels}."
                    )
                cell = self._cells[labels] = self.make_cell(threading.Lock())
            return cell

    def remove(self, **labels: str) -> None:
        """Forgets the cells that have all these labels with these values."""
        with self._lock:
            for values in list(self._cells):
                own = dict(zip(self.label_names, values, strict=True))
                if labels.items() <= own.items():
                    del self._cells[values]

    def read(self) -> Family:
        """Returns the present values."""
        with self._lock:
            cells = sorted(self._cells.items())
        samples = [(labels, cell.read()) for labels, cell in cells]
        return Family(self.name, self.kind, self.label_names, samples)


class Registry:
    """Every metric of a server."""

    def __init__(self) -> None:
        self._readers: dict[str, Callable[[], Family]] = {}
        self._metrics: list[Metric[Number] | Metric[Distribution]] = []

    def counter(self, name: str, *label_names: str) -> Metric[Number]:
        """Adds a number that only grows."""
        return self._add(Metric(name, COUNTER, label_names, Number))

    def gauge(self, name: str, *label_names: str) -> Metric[Number]:
        """Adds a number that comes and goes."""
        return self._add(Metric(name, GAUGE, label_names, Number))

    def histogram(
        self,
        name: str,
        *label_names: str,
        bounds: Sequence[float],
        below_bound: bool = False,
    ) -> Metric[Distribution]:
        """Adds a metric that counts by size.

        Args:
            name: with slashes.
            label_names: of every cell.
            bounds: upper ends of the buckets, rising; the last bucket has none.
            below_bound: a value that equals a bound counts in the next bucket. That is
                what TensorFlow does, though Prometheus means "at most" by `le`.
        """
        ends = tuple(bounds)
        return self._add(
            Metric(
                name,
                HISTOGRAM,
                label_names,
                lambda lock: Distribution(lock, ends, below_bound),
            )
        )

    def watch(
        self,
        name: str,
        read: Callable[[], float | Mapping[str, float]],
        *label_names: str,
        kind: str = GAUGE,
    ) -> None:
        """Adds a number, or one for each label value, looked up when somebody asks."""

        def family() -> Family:
            samples: list[Sample] = []
            try:
                found = read()
                if isinstance(found, Mapping):
                    samples = [((label,), found[label]) for label in sorted(found)]
                else:
                    samples = [((), found)]
            except Exception:
                # One gauge that fails must not take the others with it.
                log.exception("Metric %s cannot be read", name)
            return Family(name, kind, label_names, samples)

        self._readers[name] = family

    def collect(self) -> list[Family]:
        """Returns everything, by name."""
        return [self._readers[name]() for name in sorted(self._readers)]

    def remove(self, **labels: str) -> None:
        """Forgets the cells with these label values, in all metrics that have them."""
        for metric in self._metrics:
            metric.remove(**labels)

    def first_value(self, name: str) -> int:
        """Reads the first cell of a counter, or 0; a reload reports its increase."""
        reader = self._readers.get(name)
        samples = reader().samples if reader is not None else ()
        value = samples[0][1] if samples else 0
        return int(value) if isinstance(value, int | float) else 0

    def _add(self, metric: Metric[Cell]) -> Metric[Cell]:
        if metric.name in self._readers:
            raise ValueError(f"There is a metric {metric.name} already.")
        self._readers[metric.name] = metric.read
        self._metrics.append(metric)
        return metric


def exponential_bounds(first: float, factor: float, count: int) -> list[float]:
    """Makes `count` bounds by repeated multiplication, as TensorFlow does."""
    factors = itertools.repeat(factor, count - 1)
    return list(itertools.accumulate(factors, operator.mul, initial=first))
