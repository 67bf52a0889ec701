"""The confusion matrix as a drawing: few SVG paths however many classes there are."""

import dataclasses

import numpy as np

FONT_PIXELS = 12
LABEL_LETTERS = 28
WRITTEN_UP_TO = 20
"""Up to this many classes there is room for the counts in the cells."""

CELL_PIXELS = ((6, 64), (12, 46), (20, 34), (40, 20), (80, 12))
SMALLEST_CELL = 11
BOUNDS = (0.05, 0.1, 0.2, 0.4)
RIGHT_BOUNDS = (0.5, 0.7, 0.85, 0.95)
"""Shares of a class's rows at which the colour changes, off and on the diagonal."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """A written count; `strong` where the colour under it is dark."""

    x: float
    y: float
    count: int
    strong: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heatmap:
    """`shades` are (css class, SVG path in units of cells).

    `counts` is row, column, count, row, ... of every cell that is not zero, which the
    page's script reads for its tooltip.
    """

    labels: tuple[str, ...]
    cell: int
    margin: int
    font: float
    shades: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]
    counts: tuple[int, ...]

    @property
    def size(self) -> int:
        """Width and height of the drawing in pixels."""
        return self.margin + self.cell * len(self.labels) + 1

    def short(self, label: str) -> str:
        """Cuts the label as far as there is room for it."""
        if len(label) <= LABEL_LETTERS:
            return label
        return f"{label[: LABEL_LETTERS - 1]}…"


def draw(counts: np.ndarray, labels: tuple[str, ...]) -> Heatmap:
    """Draws `counts` `[C, C]`, true classes down, predicted ones across."""
    cell = next((px for most, px in CELL_PIXELS if len(labels) <= most), SMALLEST_CELL)
    font = min(FONT_PIXELS, cell * 0.85)
    letters = min(LABEL_LETTERS, max(map(len, labels), default=0))
    levels = _levels(counts)
    written = np.argwhere(counts if len(labels) <= WRITTEN_UP_TO else 0 * counts)
    return Heatmap(
        labels=labels,
        cell=cell,
        # Letters of a proportional font are about 0.58 em wide on average.
        margin=round(letters * font * 0.58) + 24,
        font=font,
        shades=tuple(_shades(levels)),
        cells=tuple(
            Cell(
                x=column + 0.5,
                y=row + 0.5,
                count=int(counts[row, column]),
                strong=abs(levels[row, column]) >= 4,
            )
            for row, column in written
        ),
        counts=tuple(
            int(number)
            for row, column in np.argwhere(counts)
            for number in (row, column, counts[row, column])
        ),
    )


def _levels(counts: np.ndarray) -> np.ndarray:
    """`[C, C]`: 0 empty, 1 to 5 wrong, -1 to -5 right answers, rare to frequent."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = 1 + np.digitize(shares, BOUNDS)
    right = -1 - np.digitize(shares, RIGHT_BOUNDS)
    levels = np.where(np.eye(len(counts), dtype=bool), right, wrong)
    return np.where(counts > 0, levels, 0)


def _shades(levels: np.ndarray) -> list[tuple[str, str]]:
    return [
        (
            f"{'right' if level < 0 else 'wrong'}{abs(level)}",
            "".join(
                f"M{column} {row}h1v1h-1z"
                for row, column in np.argwhere(levels == level)
            ),
        )
        for level in (*range(-5, 0), *range(1, 6))
        if (levels == level).any()
    ]
