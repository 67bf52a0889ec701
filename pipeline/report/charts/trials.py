"""Charts of the Tuner's trials: accuracy by each setting that was searched."""

import math
from collections.abc import Sequence

from pipeline.report import formats
from pipeline.report.charts import drawing
from pipeline.report.results import Trial

_STYLES = {"finished": "s1", "stopped": "bad"}
_LOGARITHMIC = 10
"""From this ratio between its ends on, an axis is logarithmic."""


def draw(trials: Sequence[Trial]) -> list[drawing.Chart]:
    """Draws one chart for each setting that had several values; failures have none."""
    measured = [trial for trial in trials if trial.accuracy is not None]
    keys = dict.fromkeys(key for trial in measured for key in trial.settings)
    return [
        _chart(key, measured)
        for key in keys
        if len({trial.settings.get(key) for trial in measured}) > 1
    ]


def _chart(key: str, trials: Sequence[Trial]) -> drawing.Chart:
    values = [float(trial.settings[key]) for trial in trials]
    is_logarithmic = min(values) > 0 and max(values) / min(values) >= _LOGARITHMIC
    places = [math.log10(value) if is_logarithmic else value for value in values]
    axes = (
        _powers_of_ten(places) if is_logarithmic else drawing.number_axis("", places),
        drawing.percent_axis("", [trial.accuracy or 0.0 for trial in trials]),
    )
    return drawing.Chart(
        title=key,
        note="Validation accuracy of each trial.",
        axes=axes,
        lines=[
            _dots(end, list(zip(places, trials, strict=True)), axes, key)
            for end in _STYLES
        ],
        rules=_best(list(zip(places, trials, strict=True)), axes[0], key),
        legend=[(css, end) for end, css in _STYLES.items()]
        if any(trial.end == "stopped" for trial in trials)
        else [],
    )


def _dots(
    end: str, placed: list[tuple[float, Trial]], axes: drawing.Axes, key: str
) -> drawing.Line:
    dots = [
        (
            drawing.x_pixel(axes[0], place),
            drawing.y_pixel(axes[1], trial.accuracy or 0.0),
            f"{key} {trial.settings[key]}: {formats.percent(trial.accuracy)}",
        )
        for place, trial in placed
        if trial.end == end
    ]
    return drawing.Line(css=_STYLES[end], name=end, path="", dots=dots)


def _best(
    placed: list[tuple[float, Trial]], axis: drawing.Axis, key: str
) -> list[drawing.Rule]:
    return [
        drawing.Rule(
            x=drawing.x_pixel(axis, place), name=f"best: {trial.settings[key]}"
        )
        for place, trial in placed
        if trial.is_best
    ]


def _powers_of_ten(places: Sequence[float]) -> drawing.Axis:
    low, high = math.floor(min(places)), math.ceil(max(places))
    ticks = [(float(power), f"{10.0**power:g}") for power in range(low, high + 1)]
    return drawing.Axis(title="", low=low, high=high, ticks=ticks)
