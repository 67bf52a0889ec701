"""Records of one data set and one way of training together: means and spread."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.accuracy.matrix import DATASETS, VARIANTS
from benchmarks.accuracy.records import Record

_TITLES = {variant.name: variant.title for variant in VARIANTS}
_ORDER = {variant.name: number for number, variant in enumerate(VARIANTS)}
_STARTS_WITHOUT = ("linear", "scratch")
"""Variants that know nothing when they begin."""


Way = tuple[str, str, tuple[str, ...]]
"""Variant, encoder and settings: what is the same on every data set."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """Mean, standard deviation of the sample (None of a single one), and how many."""

    mean: float
    spread: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figure":
        """Summarises at least one value."""
        found = list(values)
        spread = statistics.stdev(found) if len(found) > 1 else None
        return cls(mean=statistics.fmean(found), spread=spread, count=len(found))

    def percent(self) -> str:
        """Writes `91.3 ± 0.2 (3)`, in percent; of a single one `91.3`."""
        if self.spread is None:
            return f"{100 * self.mean:.1f}"
        return f"{100 * self.mean:.1f} ± {100 * self.spread:.1f} ({self.count})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """All seeds of one way of training, on one data set."""

    records: Sequence[Record]

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.records[0].dataset

    @property
    def way(self) -> Way:
        """How it was trained."""
        first = self.records[0]
        return first.variant, first.pretrained, first.settings

    @property
    def title(self) -> str:
        """What the way of training is called, with its encoder and its settings."""
        variant, pretrained, settings = self.way
        title = _TITLES.get(variant, variant)
        return ", ".join([*filter(None, (pretrained, title)), *settings])

    @property
    def is_student(self) -> bool:
        """Whether it learnt from a teacher."""
        return "{teacher}" in self.records[0].options

    def figure(self, value: Callable[[Record], float | None]) -> Figure | None:
        """Summarises a number of every record; None where one has none."""
        values = [value(record) for record in self.records]
        known = [each for each in values if each is not None]
        return Figure.of(known) if len(known) == len(values) else None

    @property
    def headline(self) -> Figure:
        """The accuracy that is compared."""
        return Figure.of(record.headline for record in self.records)


def summaries(records: Iterable[Record]) -> list[Summary]:
    """Groups records, ways in the order of `VARIANTS`, data sets in that of `DATASETS`.

    What was measured with other options than the variant has today is left out where
    there is something newer.
    """
    latest = {(r.dataset, r.variant, r.pretrained, r.settings): r for r in records}
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        key = (record.dataset, record.variant, record.pretrained, record.settings)
        if record.options == latest[key].options:
            groups.setdefault(key, []).append(record)
    found = [Summary(records=tuple(group)) for group in groups.values()]
    return sorted(found, key=_place)


def _place(summary: Summary) -> tuple[object, ...]:
    variant, pretrained, settings = summary.way
    rank = _ORDER.get(variant, len(_ORDER))
    # Of every encoder its ways together, behind those that begin with nothing.
    return (
        dataset_rank(summary.dataset),
        *(variant not in _STARTS_WITHOUT, pretrained, rank, settings),
    )


def dataset_rank(dataset: str) -> tuple[int, str]:
    """Orders data sets: the usual ones first, in their order."""
    place = DATASETS.index(dataset) if dataset in DATASETS else len(DATASETS)
    return place, dataset


def datasets_of(found: Iterable[Summary]) -> list[str]:
    """Lists the data sets, in order."""
    return sorted({summary.dataset for summary in found}, key=dataset_rank)


def ways_of(found: Iterable[Summary]) -> dict[Way, str]:
    """Maps each way of training to its title, in order."""
    ordered = sorted(found, key=lambda summary: _place(summary)[1:])
    return {summary.way: summary.title for summary in ordered}
