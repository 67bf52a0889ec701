"""Bars side by side as standalone SVG: a row per thing, a panel per measure."""

import dataclasses
import html
import math
from collections.abc import Sequence

from benchmarks.harness.plot import STYLE

WIDTH = 860
LEFT, RIGHT, TOP, BOTTOM = 170, 16, 96, 20
_ROW, _BAR, _GAP, _WRITTEN = 30, 16, 14, 62


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One measure of every row; None where there is none.

    `written` are the values as people read them. The bars begin at `low`; with
    `is_log` equal ratios are equal lengths, and `low` must be above 0.
    """

    title: str
    css: str
    values: Sequence[float | None]
    written: Sequence[str]
    low: float = 0.0
    is_log: bool = False

    def share(self, value: float) -> float:
        """How long the bar is, 0 to 1; the greatest value has 1."""
        high = max(v for v in self.values if v is not None)
        low = self.low
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low) if high > low else 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bars:
    """Everything that is drawn: `rows` are names, from top to bottom."""

    title: str
    note: str
    rows: Sequence[str]
    panels: Sequence[Panel]


def draw(bars: Bars) -> str:
    """The SVG, to be written to a file or put into a page."""
    height = TOP + _ROW * len(bars.rows) + BOTTOM
    label = html.escape(f"{bars.title}. {bars.note}", quote=True)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'role="img" aria-label="{label}"><style>{STYLE}{_FILLS}</style>',
            f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
            _text(16, 26, bars.title, "title"),
            _text(16, 47, bars.note, "note"),
            *(_text(16, _y(i) + 13, name) for i, name in enumerate(bars.rows)),
            *(
                part
                for index, panel in enumerate(bars.panels)
                for part in _panel(bars, panel, index)
            ),
            "</svg>",
        ]
    )


_FILLS = "".join(
    f".bar.{css} {{ fill: var(--{css}); }}" for css in ("blue", "orange", "green")
)


def _panel(bars: Bars, panel: Panel, index: int) -> list[str]:
    width = (WIDTH - LEFT - RIGHT) / len(bars.panels) - _GAP
    x = round(LEFT + index * (width + _GAP), 1)
    parts = [_text(x, TOP - 14, panel.title, "note")]
    for row, (value, written) in enumerate(
        zip(panel.values, panel.written, strict=True)
    ):
        length = 0.0
        if value is not None:
            length = round(max(panel.share(value), 0.0) * (width - _WRITTEN), 1)
            parts.append(
                f'<rect class="bar {panel.css}" x="{x}" y="{_y(row)}" rx="2" '
                f'width="{max(length, 1)}" height="{_BAR}"/>'
            )
        parts.append(_text(x + length + 5, _y(row) + 12, written, "tick"))
    return parts


def _y(row: int) -> int:
    return TOP + _ROW * row


def _text(x: float, y: float, text: str, css: str = "") -> str:
    return f'<text class="{css}" x="{x:g}" y="{y:g}">{html.escape(text)}</text>'
