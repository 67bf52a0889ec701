"""What a device file says about one text. Standard library only."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Prediction:
    """`label` and `score` are the best; `labels` and `scores` are all, best first."""

    label: str
    score: float
    labels: tuple[str, ...]
    scores: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Makes JSON's values: the best label and its score, then all with theirs."""
        return {
            "label": self.label,
            "score": self.score,
            "scores": dict(zip(self.labels, self.scores)),
        }
