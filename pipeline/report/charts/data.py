"""Charts of the data: how long texts are, how many rows each label has."""

import math

from pipeline.report.charts import drawing
from pipeline.report.results import DataSummary

LETTERS_ACROSS = 55
MOST_BARS = 64


def token_lengths(data: DataSummary) -> drawing.Chart | None:
    """Draws texts by number of tokens, all splits together."""
    counts = _texts_per_length(data)
    if not any(counts):
        return None
    width = math.ceil(len(counts) / MOST_BARS)
    bins = {
        start: sum(counts[start : start + width])
        for start in range(0, len(counts), width)
    }
    axes = (
        drawing.number_axis("tokens per text", [0, len(counts)]),
        drawing.number_axis("", bins.values(), zero=True),
    )
    bars = [
        drawing.bar(
            "s1",
            (start - 0.5, start + width - 0.5),
            (0, count),
            axes,
            tooltip=f"{_span(start, width)} tokens: {count:,} texts",
        )
        for start, count in bins.items()
        if count
    ]
    return drawing.Chart(
        title="Text length",
        note="Tokens per text, start and end included.",
        x_axis=axes[0],
        y_axis=axes[1],
        bars=tuple(bars),
        rules=_limit(data.max_sequence_length, axes[0]),
    )


def _texts_per_length(data: DataSummary) -> list[int]:
    longest = max((len(split.token_lengths) for split in data.splits), default=0)
    counts = [0] * longest
    for split in data.splits:
        for length, count in enumerate(split.token_lengths):
            counts[length] += count
    return counts


def _limit(limit: int | None, axis: drawing.Axis) -> tuple[drawing.Rule, ...]:
    if limit is None or limit > axis.high:
        return ()
    return (drawing.Rule(x=drawing.x_pixel(axis, limit), name=f"limit: {limit}"),)


def _span(start: int, width: int) -> str:
    return str(start) if width == 1 else f"{start} to {start + width - 1}"


def label_counts(data: DataSummary) -> drawing.Chart | None:
    """Draws rows per label in the first split, the most frequent label first."""
    if not data.splits or not data.splits[0].label_counts:
        return None
    split = data.splits[0]
    counts = sorted(split.label_counts.items(), key=lambda item: -item[1])
    axes = (
        _label_axis([label for label, _ in counts]),
        drawing.number_axis("", [count for _, count in counts], zero=True),
    )
    bars = [
        drawing.bar(
            "s1", (at, at + 1), (0, count), axes, tooltip=f"{label}: {count:,} rows"
        )
        for at, (label, count) in enumerate(counts)
    ]
    return drawing.Chart(
        title="Rows per label",
        note=f"{split.name.capitalize()} split.",
        x_axis=axes[0],
        y_axis=axes[1],
        bars=tuple(bars),
    )


def _label_axis(labels: list[str]) -> drawing.Axis:
    """Writes names under the bars only where all of them fit."""
    few = sum(len(label) + 2 for label in labels) <= LETTERS_ACROSS
    return drawing.Axis(
        title="labels, most frequent first",
        low=0,
        high=len(labels),
        ticks=tuple((at + 0.5, label) for at, label in enumerate(labels))
        if few
        else (),
    )
