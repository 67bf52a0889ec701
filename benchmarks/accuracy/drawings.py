"""The drawings: accuracy everywhere, and what each way of training costs."""

from collections.abc import Sequence

from benchmarks.accuracy.panels import Panel, draw
from benchmarks.accuracy.records import Record
from benchmarks.accuracy.summaries import Summary, datasets_of, summaries, ways_of
from pipeline.report import formats


def overview(records: Sequence[Record]) -> str:
    """Draws a panel for each data set, a row for each way of training."""
    found = summaries(records)
    cells = {(each.way, each.dataset): each.headline for each in found}
    ways = ways_of(found)
    panels = [
        Panel(
            title=dataset,
            figures=[cells.get((way, dataset)) for way in ways],
            write=_percent,
            is_share=True,
        )
        for dataset in datasets_of(found)
    ]
    return draw(
        "Test accuracy",
        "Mean over seeds with its standard deviation; each data set has its own axis.",
        list(ways.values()),
        panels,
    )


def costs(records: Sequence[Record], dataset: str) -> str:
    """Draws accuracy beside trained weights, seconds and memory, on one data set."""
    found = [each for each in summaries(records) if each.dataset == dataset]
    panels = [
        Panel(
            title="test accuracy",
            figures=[each.headline for each in found],
            write=_percent,
            is_share=True,
        ),
        _amounts("trained weights", found, "trained_parameters"),
        _amounts("training", found, "train_s"),
        _amounts("peak memory", found, "peak_memory_bytes"),
    ]
    return draw(
        f"What each way of training costs: {dataset}",
        "Mean over seeds.",
        [each.title for each in found],
        panels,
    )


def _amounts(title: str, found: Sequence[Summary], field: str) -> Panel:
    write = {"train_s": formats.duration, "peak_memory_bytes": formats.size}
    return Panel(
        title=title,
        figures=[each.figure(lambda r: getattr(r, field) or None) for each in found],
        write=write.get(field, _whole),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _whole(value: float) -> str:
    return formats.count(round(value))
