"""Small charts side by side with one row of names, as standalone SVG.

Shares lie on an axis of their own as points with their spread; amounts are bars from
zero.
"""

import dataclasses
import html
from collections.abc import Callable, Sequence

from benchmarks.accuracy.summaries import Figure
from benchmarks.harness.plot import STYLE

NAMES, PANEL, GAP, ROW, TOP, BOTTOM = 290, 200, 24, 26, 84, 20
_VALUE_WIDTH = 70
"""Room behind the longest bar for what is written there."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart; `figures` has one for each name, None where nothing was measured.

    Where `is_share`, the axis begins near the smallest value.
    """

    title: str
    figures: Sequence[Figure | None]
    write: Callable[[float], str]
    is_share: bool = False

    def ends(self) -> tuple[float, float]:
        """Says which values lie at the left and the right end."""
        known = [figure for figure in self.figures if figure is not None]
        low = min((f.mean - (f.spread or 0) for f in known), default=0.0)
        high = max((f.mean + (f.spread or 0) for f in known), default=1.0)
        if not self.is_share:
            return 0.0, high or 1.0
        margin = max((high - low) * 0.1, 0.005)
        return low - margin, high + margin


def draw(title: str, note: str, names: Sequence[str], panels: Sequence[Panel]) -> str:
    """Draws the panels; every other row is shaded, so that the eye keeps its line."""
    width = NAMES + len(panels) * (PANEL + GAP)
    height = TOP + len(names) * ROW + BOTTOM
    label = html.escape(f"{title}. {note}", quote=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{label}"><style>{STYLE}'
        ".band { fill: var(--grid); opacity: 0.45; }"
        ".bar { fill: var(--blue); stroke: none; }</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
        _text(16, 26, title, "title"),
        _text(16, 47, note, "note"),
    ]
    for number, name in enumerate(names):
        if number % 2 == 0:
            band = f'x="8" y="{TOP + number * ROW}" width="{width - 16}"'
            parts.append(f'<rect class="band" {band} height="{ROW}"/>')
        parts.append(_text(16, _middle(number) + 4, name, "name"))
    for number, panel in enumerate(panels):
        parts += _panel(panel, NAMES + number * (PANEL + GAP))
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, left: float) -> list[str]:
    parts = [_text(left, TOP - 10, panel.title, "note")]
    low, high = panel.ends()
    for number, figure in enumerate(panel.figures):
        if figure is None:
            continue
        scale = (PANEL - _VALUE_WIDTH) / (high - low)
        at = round(left + (figure.mean - low) * scale, 1)
        reach = round((figure.spread or 0) * scale, 1)
        y = _middle(number)
        tooltip = f"<title>{html.escape(panel.write(figure.mean))}</title>"
        if panel.is_share:
            parts.append(
                f'<path class="line blue" d="M{at - reach:g} {y}h{2 * reach:g}"/>'
            )
            dot = f'<circle class="dot blue full" cx="{at}" cy="{y}" r="4">'
            parts.append(f"{dot}{tooltip}</circle>")
        else:
            parts.append(
                f'<rect class="bar" x="{left}" y="{y - 7}" height="14" '
                f'width="{max(at - left, 0.5):g}">{tooltip}</rect>'
            )
        parts.append(_text(at + reach + 8, y + 4, panel.write(figure.mean), "name"))
    return parts


def _middle(row: int) -> float:
    return TOP + row * ROW + ROW / 2


def _text(x: float, y: float, text: str, css: str) -> str:
    return f'<text class="{css}" x="{x:g}" y="{y:g}">{html.escape(text)}</text>'
