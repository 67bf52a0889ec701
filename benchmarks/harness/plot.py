"""A line chart as standalone SVG that reads well on light and on dark ground."""

import dataclasses
import html
import math
from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 112, 52
# A line through more points than this goes without them.
MAX_DOTS = 60
STYLE = """
svg { --ink: #1b1b1a; --muted: #5f5e5a; --grid: #e4e3de; --ground: #ffffff;
      --blue: #2a6fc9; --orange: #d1571d; --green: #23845b; color-scheme: light dark;
      font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #f1f0ec; --muted: #b0aea6; --grid: #353431; --ground: #191918;
        --blue: #6aa5f2; --orange: #f08a54; --green: #55c295; } }
.ground { fill: var(--ground); } text { fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; } .note, .tick { fill: var(--muted); }
.tick, .name { font-size: 12px; } .grid { stroke: var(--grid); }
.base { stroke: var(--muted); } .rule { stroke: var(--muted); stroke-dasharray: 2 3; }
.name { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.blue { stroke: var(--blue); } .orange { stroke: var(--orange); }
.green { stroke: var(--green); } .dashed { stroke-dasharray: 6 4; }
.dot { stroke-width: 2; fill: var(--ground); } .dot.full { stroke-width: 0; }
.blue.full { fill: var(--blue); } .orange.full { fill: var(--orange); }
.green.full { fill: var(--green); }
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """`ticks` are values; `is_log` has them at equal ratios instead of differences."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis `value` lies, 0 to 1."""
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series:
    """Points joined by a line, or single ones.

    `labels` are written beside them, on the left if `is_left`.
    """

    name: str
    css: str
    points: Sequence[tuple[float, float]]
    is_line: bool = True
    labels: Sequence[str] = ()
    is_left: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """Everything that is drawn. `rules` are (x, name): lines from top to bottom."""

    title: str
    note: str
    x_axis: Axis
    y_axis: Axis
    series: Sequence[Series]
    rules: Sequence[tuple[float, str]] = ()


def linear_axis(title: str, values: Iterable[float]) -> Axis:
    """From zero to a round number above the greatest value."""
    high = max(values, default=1.0) or 1.0
    step = _round_up(high / 5)
    count = math.ceil(high / step)
    ticks = tuple(step * number for number in range(count + 1))
    return Axis(title=title, low=0.0, high=ticks[-1], ticks=ticks)


def log_axis(title: str, values: Iterable[float]) -> Axis:
    """Around the values, with ticks at 1, 2 and 5 times the powers of ten."""
    found = list(values) or [1.0, 10.0]
    first, last = (math.floor(math.log10(v)) for v in (min(found), max(found)))
    ladder = [m * 10.0**e for e in range(first, last + 2) for m in (1, 2, 5)]
    low = max(tick for tick in ladder if tick <= min(found))
    high = min(tick for tick in ladder if tick >= max(found) and tick > low)
    ticks = tuple(tick for tick in ladder if low <= tick <= high)
    return Axis(title=title, low=low, high=high, ticks=ticks, is_log=True)


def draw(chart: Chart) -> str:
    """The SVG, to be written to a file or put into a page."""
    label = html.escape(f"{chart.title}. {chart.note}", quote=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{label}"><style>{STYLE}</style>',
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 26, chart.title, "title"),
        _text(LEFT, 47, chart.note, "note"),
        *_axes(chart),
        *_rules(chart),
        *(part for series in chart.series for part in _series(chart, series)),
        *_legend(chart.series),
        "</svg>",
    ]
    return "\n".join(parts)


def _axes(chart: Chart) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in chart.y_axis.ticks:
        y = _y(chart, tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{right}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{tick:,g}", "tick", "end"))
    for tick in chart.x_axis.ticks:
        x = _x(chart, tick)
        parts.append(_text(x, bottom + 18, f"{tick:,g}", "tick", "middle"))
    middle = (LEFT + right) / 2
    return [
        *parts,
        f'<path class="base" d="M{LEFT} {bottom}H{right}"/>',
        _text(middle, HEIGHT - 12, chart.x_axis.title, "note", "middle"),
        _text(LEFT - 56, TOP - 12, chart.y_axis.title, "note"),
    ]


def _rules(chart: Chart) -> list[str]:
    parts = []
    for number, (value, name) in enumerate(chart.rules):
        x = _x(chart, value)
        # One above the other, so that rules close together keep their names apart;
        # low, where curves that rise towards a limit leave room.
        y = HEIGHT - BOTTOM - 10 - 17 * number
        parts.append(f'<path class="rule" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x - 6, y, name, "name", "end"))
    return parts


def _series(chart: Chart, series: Series) -> list[str]:
    at = [(_x(chart, x), _y(chart, y)) for x, y in series.points]
    parts = []
    if series.is_line and at:
        path = "L".join(f"{x} {y}" for x, y in at)
        parts.append(f'<path class="line {series.css}" d="M{path}"/>')
    full, radius = ("full", 3) if series.is_line else ("", 5)
    css = series.css.replace(" dashed", "")
    dots = zip(at, series.points, strict=True) if len(at) <= MAX_DOTS else ()
    for (x, y), (x_value, y_value) in dots:
        parts.append(
            f'<circle class="dot {css} {full}" cx="{x}" cy="{y}" r="{radius}"><title>'
            f"{html.escape(series.name)}: {x_value:,.4g}, {y_value:,.4g}</title>"
            "</circle>"
        )
    for (x, y), label in zip(at, series.labels, strict=False):
        offset, anchor = (-9, "end") if series.is_left else (9, "start")
        parts.append(_text(x + offset, y + 4, label, "name", anchor))
    return parts


def _legend(series: Sequence[Series]) -> list[str]:
    x, parts = float(LEFT), []
    for one in series:
        css = one.css
        if one.is_line:
            parts.append(f'<path class="line {css}" d="M{x} 66h24"/>')
        else:
            parts.append(f'<circle class="dot {css}" cx="{x + 12}" cy="66" r="5"/>')
        parts.append(_text(x + 30, 70, one.name))
        x += 30 + 7 * len(one.name) + 18
    return parts


def _text(x: float, y: float, text: str, css: str = "", anchor: str = "start") -> str:
    return (
        f'<text class="{css}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )


def _x(chart: Chart, value: float) -> float:
    return round(LEFT + chart.x_axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(chart: Chart, value: float) -> float:
    share = chart.y_axis.share(value)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _round_up(step: float) -> float:
    magnitude = 10 ** math.floor(math.log10(step))
    return next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= step)
