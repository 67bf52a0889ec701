"""A reader of Prometheus' text format that takes nothing on trust.

Rules: https://prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
"""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')

Labels = frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Page:
    """Kinds by family, and values by sample name and labels."""

    kinds: Mapping[str, str]
    samples: Mapping[str, Mapping[Labels, float]]

    def value(self, name: str, **labels: str) -> float:
        """One sample."""
        return self.samples[name][frozenset(labels.items())]


def read_page(text: str) -> Page:
    """The page; an `AssertionError` names what a scraper would stumble over."""
    assert text.endswith("\n"), "the last line has no end"
    kinds: dict[str, str] = {}
    samples: dict[str, dict[Labels, float]] = {}
    family = ""
    for line in text.splitlines():
        if (match := _TYPE.fullmatch(line)) is not None:
            family = match[1]
            assert family not in kinds, f"a second TYPE of {family}"
            kinds[family] = match[2]
            continue
        name, labels, value = _sample(line)
        suffixes = ("_bucket", "_sum", "_count")
        endings = suffixes if kinds[family] == "histogram" else ("",)
        assert name in [family + ending for ending in endings], f"{line} in {family}"
        cells = samples.setdefault(name, {})
        assert labels not in cells, f"twice: {line}"
        cells[labels] = value
    page = Page(kinds, samples)
    for name, kind in kinds.items():
        if kind == "histogram":
            _check_histogram(page, name)
    return page


def _sample(line: str) -> tuple[str, Labels, float]:
    match = _SAMPLE.fullmatch(line)
    assert match is not None, f"no sample: {line}"
    labels = list(_labels(match[2] or "", line))
    assert len(labels) == len({name for name, _ in labels}), f"a label twice: {line}"
    return match[1], frozenset(labels), float(match[3])


def _labels(text: str, line: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _LABEL.match(text, position)
        assert match is not None, f"no label at {text[position:]}: {line}"
        yield match[1], match[2]
        position = match.end()


def _check_histogram(page: Page, name: str) -> None:
    """Buckets rise to `+Inf`, which is the count."""
    series: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in page.samples.get(f"{name}_bucket", {}).items():
        (end,) = (float(text) for label, text in labels if label == "le")
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        series.setdefault(rest, []).append((end, value))
    assert series.keys() == page.samples.get(f"{name}_count", {}).keys(), name
    assert series.keys() == page.samples.get(f"{name}_sum", {}).keys(), name
    for labels, buckets in series.items():
        counts = [count for _, count in sorted(buckets)]
        assert counts == sorted(counts), f"{name}{set(labels)} falls"
        assert max(buckets)[0] == math.inf, f"{name} has no +Inf"
        assert counts[-1] == page.samples[f"{name}_count"][labels], name
