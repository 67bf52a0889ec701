"""Charts of how far the answers on the test split can be trusted."""

import math

from model.training.reliability import Bin
from pipeline.report import confidence, formats, rejecting
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
    lines = [drawing.line("ideal", "equal", [(0, 0), (1, 1)], axes)]
    legend = [("s1", "accuracy"), ("gap", "distance from confidence")]
    if before := confidence.bins_before(evaluation):
        lines.append(_before(before, axes))
        legend.append(("s2", "before calibration"))
    return drawing.Chart(
        title="Calibration",
        note="Share of right answers by confidence. On the dashed line they are equal.",
        axes=axes,
        bars=bars,
        lines=lines,
        legend=legend,
    )


def _before(bins: list[Bin], axes: drawing.Axes) -> drawing.Line:
    """Draws what the bars would have been without a temperature."""
    return drawing.line(
        "s2",
        "before calibration",
        [(item.confidence, item.accuracy) for item in bins],
        axes,
        tooltips=[
            f"before calibration: confidence {formats.percent(item.confidence)}, "
            f"accuracy {formats.percent(item.accuracy)}, "
            f"{item.right + item.wrong:,} rows"
            for item in bins
        ],
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


def coverage(
    curve: list[confidence.OperatingPoint], chosen: rejecting.Rejecting | None = None
) -> drawing.Chart:
    """Draws accuracy of the answers that remain when unsure ones are rejected.

    `chosen` is marked, unless the label that it rejects makes the curve another one.
    """
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
        rules=[] if chosen is None or chosen.label else _chosen(chosen, axes[0]),
    )


def _chosen(chosen: rejecting.Rejecting, axis: drawing.Axis) -> list[drawing.Rule]:
    if chosen.coverage is None:
        return []
    name = f"exported: {chosen.threshold:.3f}"
    return [drawing.Rule(x=drawing.x_pixel(axis, chosen.coverage), name=name)]


def out_of_scope(
    points: list[rejecting.TradeOff], chosen: rejecting.Rejecting
) -> drawing.Chart:
    """Draws what is rejected of the texts out of scope, by what that costs."""
    step = math.ceil(len(points) / CURVE_POINTS)
    shown = [*points[:-1:step], points[-1]]
    axes = (
        drawing.percent_axis("right answers to texts in scope"),
        drawing.percent_axis(""),
    )
    line = drawing.line(
        "s1",
        "rejected",
        [(point.in_scope_accuracy, point.out_of_scope_recall) for point in shown],
        axes,
        tooltips=[
            f"below {point.threshold:.3f}: "
            f"{formats.percent(point.out_of_scope_recall)} out of scope rejected, "
            f"{formats.percent(point.in_scope_accuracy)} in scope right"
            for point in shown
        ],
    )
    at = chosen.in_scope_accuracy or 0.0
    name = f"exported: {chosen.threshold:.3f}"
    return drawing.Chart(
        title="Texts out of scope that are rejected",
        note=f"By the right answers left, for every threshold; label {chosen.label}.",
        axes=axes,
        lines=[line],
        rules=[drawing.Rule(x=drawing.x_pixel(axes[0], at), name=name)],
    )


def _tooltip(point: confidence.OperatingPoint) -> str:
    return (
        f"from confidence {point.threshold:.3f}: "
        f"{formats.percent(point.coverage)} answered, "
        f"{formats.percent(point.accuracy)} right"
    )
