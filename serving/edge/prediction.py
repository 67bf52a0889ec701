"""What a device file says about one text. Standard library only."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Prediction:
    """`label` and `score` are the best; `labels` and `scores` are all, best first.

    `text_is_unknown`: the model knows not one word piece of the text, or there is no
    word; then `label` is a guess.
    `is_rejected`: the answer is "none of these", and `label` only the nearest; always
    False of a file that was exported without a threshold (`evaluation.reject`).
    """

    label: str
    score: float
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    text_is_unknown: bool = False
    is_rejected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Makes JSON's values: the best label and its score, then all with theirs.

        `text_is_unknown` and `is_rejected` are there only where they are true.
        """
        answer: dict[str, Any] = {
            "label": self.label,
            "score": self.score,
            "scores": dict(zip(self.labels, self.scores)),
        }
        if self.text_is_unknown:
            answer["text_is_unknown"] = True
        if self.is_rejected:
            answer["is_rejected"] = True
        return answer
