"""What a classifier says about one text. Standard library only."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Prediction:
    """`label` and `score` are the best; `labels` and `scores` are all, best first.

    `model_version` is the version that answered, where the server says so; two
    predictions that say the same are equal, whoever made them.
    """

    label: str
    score: float
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    model_version: int | None = dataclasses.field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Makes JSON's values: the best label and its score, then all with theirs."""
        answer = {
            "label": self.label,
            "score": self.score,
            "scores": dict(zip(self.labels, self.scores)),
        }
        if self.model_version is not None:
            answer["model_version"] = self.model_version
        return answer
