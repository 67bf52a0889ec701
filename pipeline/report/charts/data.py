"""Charts of the data: how long texts are, how many rows each label has."""

import itertools
import math

from pipeline.report.charts import drawing
from pipeline.report.results import DataSummary

LETTERS_ACROSS = 55
MOST_BARS = 64


def token_lengths(data: DataSummary) -> drawing.Chart | None:
    """Draws texts by number of tokens, all splits together."""
    lengths = [split.token_lengths for split in data.splits]
    counts = [sum(texts) for texts in itertools.zip_longest(*lengths, fillvalue=0)]
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
        axes=axes,
        bars=bars,
        rules=drawing.rules("limit", data.max_sequence_length, axes[0]),
    )


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
        axes=axes,
        bars=bars,
    )


def _label_axis(labels: list[str]) -> drawing.Axis:
    """Writes names under the bars only where all of them fit."""
    few = sum(len(label) + 2 for label in labels) <= LETTERS_ACROSS
    ticks = [(at + 0.5, label) for at, label in enumerate(labels)] if few else []
    title = "labels, most frequent first"
    return drawing.Axis(title=title, low=0, high=len(labels), ticks=ticks)
