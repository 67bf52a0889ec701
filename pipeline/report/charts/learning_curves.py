"""Charts of training, epoch by epoch."""

import math
from collections.abc import Callable, Mapping

from pipeline.report import formats
from pipeline.report.charts import drawing
from pipeline.report.results import TrainingSummary

STYLES = ("s1", "s2")


def loss(training: TrainingSummary) -> drawing.Chart | None:
    """Draws training and validation loss; None where neither was recorded."""
    names = {"loss": "training", "val_loss": "validation"}
    return _by_epoch(
        training, "Loss", names, (drawing.number_axis, formats.significant)
    )


def accuracy(training: TrainingSummary) -> drawing.Chart | None:
    """Draws training and validation accuracy; None where neither was recorded."""
    names = {"accuracy": "training", "val_accuracy": "validation"}
    return _by_epoch(
        training, "Accuracy", names, (drawing.percent_axis, formats.percent)
    )


def _by_epoch(
    training: TrainingSummary,
    title: str,
    names: Mapping[str, str],
    scale: tuple[Callable[..., drawing.Axis], Callable[[float], str]],
) -> drawing.Chart | None:
    """Draws one line per key of `names`; `scale` makes the axis and writes a value."""
    rows = {key: [row for row in training.history if key in row] for key in names}
    values = [float(row[key]) for key in names for row in rows[key]]
    if not any(math.isfinite(value) for value in values):
        return None
    epochs = [int(row["epoch"]) for key in names for row in rows[key]]
    axes = _epoch_axis(epochs), scale[0]("", values)
    lines = [
        drawing.line(
            css,
            names[key],
            [(row["epoch"], float(row[key])) for row in rows[key]],
            axes,
            tooltips=[
                f"epoch {row['epoch']:g}, {names[key]}: {scale[1](row[key])}"
                for row in rows[key]
            ],
        )
        for css, key in zip(STYLES, names, strict=False)
        if rows[key]
    ]
    return drawing.Chart(
        title=title,
        note="By epoch.",
        axes=axes,
        lines=lines,
        rules=drawing.rules("best", training.best_epoch, axes[0]),
        legend=[(line.css, line.name) for line in lines] if len(lines) > 1 else [],
    )


def _epoch_axis(epochs: list[int]) -> drawing.Axis:
    first, last = min(epochs), max(epochs)
    step = max(1, math.ceil((last - first) / 8))
    ticks = [(epoch, str(epoch)) for epoch in range(first, last + 1, step)]
    margin = 0.5 if first == last else (last - first) * 0.02
    return drawing.Axis(
        title="epoch", low=first - margin, high=last + margin, ticks=ticks
    )
