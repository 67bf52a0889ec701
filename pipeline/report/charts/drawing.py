"""Geometry of the report's charts; `templates/chart.svg.j2` turns it into SVG.

Coordinates are pixels of a 400-wide drawing, y downwards. Colours are CSS classes, so
that one drawing serves light, dark and paper.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 18, 38


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """From `low` to `high`; `ticks` are (value, what is written there)."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Says how far along the axis `value` lies, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


Axes = tuple[Axis, Axis]
"""Along the bottom and up the left side."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """`path` is SVG's; `dots` are (x, y, tooltip)."""

    css: str
    name: str
    path: str
    dots: Sequence[tuple[float, float, str]] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """One rectangle with its tooltip."""

    css: str
    x: float
    y: float
    width: float
    height: float
    tooltip: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """A line across the whole drawing at `x`, named at its top."""

    x: float
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """All that is drawn, and the sentence read to those who cannot see it.

    `legend` are (css, name).
    """

    title: str
    note: str
    axes: Axes
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()
    rules: Sequence[Rule] = ()
    legend: Sequence[tuple[str, str]] = ()

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def x_ticks(self) -> list[tuple[float, str]]:
        """(pixel, label) along the bottom."""
        axis = self.axes[0]
        return [(x_pixel(axis, value), text) for value, text in axis.ticks]

    def y_ticks(self) -> list[tuple[float, str]]:
        """(pixel, label) along the left side."""
        axis = self.axes[1]
        return [(y_pixel(axis, value), text) for value, text in axis.ticks]


def x_pixel(axis: Axis, value: float) -> float:
    """Says where `value` lies, left to right."""
    return round(LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def y_pixel(axis: Axis, value: float) -> float:
    """Says where `value` lies, bottom to top."""
    return round(HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def number_axis(title: str, values: Iterable[float], *, zero: bool = False) -> Axis:
    """Makes an axis around the finite `values` with about five round ticks."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    low = min(low, 0.0) if zero else low
    if low == high:
        low, high = (
            (low, low + 1) if low == 0 else (low - abs(low) / 2, low + abs(low) / 2)
        )
    step = _round_step((high - low) / 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [(n * step, _number(n * step, step)) for n in range(first, last + 1)]
    return Axis(title=title, low=first * step, high=last * step, ticks=ticks)


def percent_axis(title: str, values: Iterable[float] = (0.0, 1.0)) -> Axis:
    """Makes an axis of shares, 0 to 1, in per cent and never going beyond 100 %."""
    axis = number_axis(title, [100 * value for value in values])
    high = min(axis.high, 100.0)
    ticks = [(value / 100, f"{text}%") for value, text in axis.ticks if value <= high]
    return Axis(title=title, low=axis.low / 100, high=high / 100, ticks=ticks)


def line(
    css: str,
    name: str,
    points: Sequence[tuple[float, float]],
    axes: Axes,
    *,
    tooltips: Sequence[str] = (),
) -> Line:
    """Draws a line through the finite `points`; a gap where one is not finite."""
    commands, dots, pen = [], [], "M"
    for number, (x, y) in enumerate(points):
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = "M"
            continue
        at = x_pixel(axes[0], x), y_pixel(axes[1], y)
        commands.append(f"{pen}{at[0]:g} {at[1]:g}")
        pen = "L"
        if tooltips:
            dots.append((*at, tooltips[number]))
    return Line(css=css, name=name, path="".join(commands), dots=dots)


def bar(
    css: str,
    x_span: tuple[float, float],
    y_span: tuple[float, float],
    axes: Axes,
    *,
    tooltip: str,
) -> Bar:
    """Draws a bar over `x_span`, from the lower to the upper end of `y_span`."""
    left, right = (x_pixel(axes[0], x) for x in x_span)
    bottom, top = (y_pixel(axes[1], y) for y in y_span)
    # A hairline between neighbours, unless they are too thin to have one.
    gap = 1.0 if right - left > 4 else 0.0
    return Bar(
        css=css,
        x=left + gap / 2,
        y=top,
        width=round(max(right - left - gap, 0.4), 1),
        height=round(bottom - top, 1),
        tooltip=tooltip,
    )


def rules(name: str, value: float | None, axis: Axis) -> list[Rule]:
    """Marks `value` on the x axis, if there is one and the axis reaches it."""
    if value is None or not axis.low <= value <= axis.high:
        return []
    return [Rule(x=x_pixel(axis, value), name=f"{name}: {value}")]


def _round_step(step: float) -> float:
    magnitude = 10 ** math.floor(math.log10(step))
    return next(
        m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= step * 0.99
    )


def _number(value: float, step: float) -> str:
    if step < 1e-3:
        return "0" if abs(value) < step / 2 else f"{value:.1e}".replace("e-0", "e-")
    if step >= 1000:
        return f"{value / 1000:g}k"
    decimals = 0 if step == int(step) else max(0, 1 - math.floor(math.log10(step)))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
