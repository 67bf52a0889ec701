"""What the exported threshold does on the test split: what it costs, what it catches.

A row is in scope unless its true label is the one that means "none of these".
"""

import dataclasses

import numpy as np

from pipeline.report.metrics import right_answers
from pipeline.report.results import Evaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejecting:
    """Shares, of test rows; None where there is no row to count.

    `coverage` of all rows are answered, `answered_accuracy` of those rightly.
    `in_scope_accuracy` of the rows in scope are answered rightly. Of the rows out of
    scope `out_of_scope_recall` are rejected, and so many of what is rejected are out of
    scope: `out_of_scope_precision`. `mistakes_caught` of the wrong answers in scope
    are rejected.
    """

    threshold: float
    label: str | None
    coverage: float | None
    answered_accuracy: float | None
    in_scope_accuracy: float | None
    mistakes_caught: float | None
    out_of_scope_recall: float | None = None
    out_of_scope_precision: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TradeOff:
    """At `threshold`: the rows in scope answered rightly, those out of it rejected."""

    threshold: float
    in_scope_accuracy: float
    out_of_scope_recall: float


def measure(evaluation: Evaluation) -> Rejecting | None:
    """Counts what the exported threshold does; None of a model that never rejects."""
    if evaluation.rejection is None:
        return None
    threshold, label = evaluation.rejection.threshold, evaluation.rejection.label
    is_rejected = _keep_scores(evaluation) < threshold
    is_right, in_scope = right_answers(evaluation), _in_scope(evaluation)
    answered = ~is_rejected
    has_outside = bool((~in_scope).any())
    return Rejecting(
        threshold=threshold,
        label=label,
        coverage=_share(answered),
        answered_accuracy=_share(is_right[answered]),
        in_scope_accuracy=_share((is_right & answered)[in_scope]),
        mistakes_caught=_share(is_rejected[in_scope & ~is_right]),
        out_of_scope_recall=_share(is_rejected[~in_scope]),
        out_of_scope_precision=_share(~in_scope[is_rejected]) if has_outside else None,
    )


def trade_offs(evaluation: Evaluation) -> list[TradeOff]:
    """Gives one point per confidence, the lowest first; none without rows of both."""
    is_right, in_scope = right_answers(evaluation), _in_scope(evaluation)
    if in_scope.all() or not in_scope.any():
        return []
    scores = _keep_scores(evaluation)
    right, outside = np.sort(scores[in_scope & is_right]), np.sort(scores[~in_scope])
    thresholds = np.unique(scores)
    kept = right.size - np.searchsorted(right, thresholds)
    caught = np.searchsorted(outside, thresholds)
    return [
        TradeOff(
            threshold=float(threshold),
            in_scope_accuracy=float(one / in_scope.sum()),
            out_of_scope_recall=float(other / outside.size),
        )
        for threshold, one, other in zip(thresholds, kept, caught, strict=True)
    ]


def _keep_scores(evaluation: Evaluation) -> np.ndarray:
    """Confidence by row; -1 where the answer itself is "none of these"."""
    confidences = np.asarray(evaluation.confidences, np.float32)
    reject_id = _reject_id(evaluation)
    if reject_id is None:
        return confidences
    return np.where(np.asarray(evaluation.predicted_ids) == reject_id, -1, confidences)


def _in_scope(evaluation: Evaluation) -> np.ndarray:
    reject_id = _reject_id(evaluation)
    true_ids = np.asarray(evaluation.true_ids)
    return np.ones(len(true_ids), bool) if reject_id is None else true_ids != reject_id


def _reject_id(evaluation: Evaluation) -> int | None:
    rejection = evaluation.rejection
    if rejection is None or rejection.label not in evaluation.labels:
        return None
    return evaluation.labels.index(rejection.label)


def _share(marks: np.ndarray) -> float | None:
    return float(marks.mean()) if marks.size else None
