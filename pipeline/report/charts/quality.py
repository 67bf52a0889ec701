"""Charts of how far the answers on the test split can be trusted."""

import math

from pipeline.report import confidence, formats
from pipeline.report.charts import drawing
from pipeline.report.results import Evaluation

CURVE_POINTS = 200
"""More than this in a curve adds bytes and nothing the eye could see."""


def reliability(evaluation: Evaluation) -> drawing.Chart:
    """Draws accuracy by confidence; on the diagonal the two are equal."""
    bins = confidence.calibration_bins(evaluation)
    axes = drawing.percent_axis("confidence"), drawing.percent_axis("")
    bars = []
    for item in bins:
        ends = sorted((item.accuracy, item.confidence))
        rows = item.right + item.wrong
        text = (
            f"confidence {formats.percent(item.confidence)}, "
            f"accuracy {formats.percent(item.accuracy)}, {rows:,} rows"
        )
        span = item.low, item.high
        bars.append(drawing.bar("s1", span, (0, item.accuracy), axes, tooltip=text))
        bars.append(drawing.bar("gap", span, (ends[0], ends[1]), axes, tooltip=text))
    return drawing.Chart(
        title="Calibration",
        note="Share of right answers by confidence. On the dashed line they are equal.",
        axes=axes,
        bars=bars,
        lines=[drawing.line("ideal", "equal", [(0, 0), (1, 1)], axes)],
        legend=[("s1", "accuracy"), ("gap", "distance from confidence")],
    )


def confidences(evaluation: Evaluation) -> drawing.Chart:
    """Draws how many answers were given with which confidence, right and wrong ones."""
    bins = confidence.calibration_bins(evaluation)
    axes = (
        drawing.percent_axis("confidence"),
        drawing.number_axis("", [item.right + item.wrong for item in bins], zero=True),
    )
    bars = []
    for item in bins:
        text = (
            f"{formats.percent(item.low)} to {formats.percent(item.high)}: "
            f"{item.right:,} right, {item.wrong:,} wrong"
        )
        span, rows = (item.low, item.high), item.right + item.wrong
        bars.append(drawing.bar("bad", span, (0, item.wrong), axes, tooltip=text))
        bars.append(drawing.bar("s1", span, (item.wrong, rows), axes, tooltip=text))
    return drawing.Chart(
        title="Confidence",
        note="Answers by confidence.",
        axes=axes,
        bars=bars,
        legend=[("s1", "right"), ("bad", "wrong")],
    )


def coverage(curve: list[confidence.OperatingPoint]) -> drawing.Chart:
    """Draws accuracy of the answers that remain when unsure ones are rejected."""
    step = math.ceil(len(curve) / CURVE_POINTS)
    points = [*curve[:-1:step], curve[-1]]
    axes = (
        drawing.percent_axis("share of texts answered"),
        drawing.percent_axis("", [1.0, *(point.accuracy for point in points)]),
    )
    line = drawing.line(
        "s1",
        "accuracy",
        [(point.coverage, point.accuracy) for point in points],
        axes,
        tooltips=[_tooltip(point) for point in points],
    )
    return drawing.Chart(
        title="Accuracy if unsure answers are rejected",
        note="The surest answers first.",
        axes=axes,
        lines=[line],
    )


def _tooltip(point: confidence.OperatingPoint) -> str:
    return (
        f"from confidence {point.threshold:.3f}: "
        f"{formats.percent(point.coverage)} answered, "
        f"{formats.percent(point.accuracy)} right"
    )
