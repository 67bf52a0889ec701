"""From which score on an answer counts: chosen on the validation split.

A text is rejected where the best score is below a threshold, or where the best label
is the one that means "none of these". `docs/decisions/scores.md` says what other
measures were compared with the best score.
"""

import numpy as np


def threshold_losing(
    scores: np.ndarray,
    label_ids: np.ndarray,
    most_lost: float,
    reject_id: int | None = None,
) -> float:
    """Finds the highest threshold that costs at most a share of right answers.

    Args:
        scores: `[N, C]`.
        label_ids: true classes, `[N]`.
        most_lost: right answers that may be rejected, as a share of the rows that
            should be answered; so it is in points of accuracy.
        reject_id: the class that means "none of these"; its rows are not counted.

    Returns:
        The threshold; 0, which rejects nothing, where no answer is right.
    """
    confidences = scores.max(axis=1)
    is_in_scope = _in_scope(label_ids, reject_id)
    is_right = is_in_scope & (scores.argmax(axis=1) == label_ids)
    kept_at_least = np.sort(confidences[is_right])
    if not kept_at_least.size:
        return 0.0
    # Not 28.999 of 100 rows for 0.29.
    budget = int(most_lost * is_in_scope.sum() + 1e-9)
    least = kept_at_least[min(budget, kept_at_least.size - 1)]
    return _just_below(least, confidences)


def balanced_threshold(
    scores: np.ndarray, label_ids: np.ndarray, reject_id: int
) -> float:
    """Finds where rejecting wins most: rows of `reject_id`, less right answers lost.

    Both as shares of the rows there are of their kind (Youden 1950). The lowest of the
    thresholds that are equally good; 0 where none is better than that.
    """
    confidences = scores.max(axis=1)
    is_in_scope = _in_scope(label_ids, reject_id)
    answers = scores.argmax(axis=1)
    right = np.sort(confidences[is_in_scope & (answers == label_ids)])
    # Those whose best class is the reject class are rejected at every threshold.
    missed = np.sort(confidences[~is_in_scope & (answers != reject_id)])
    candidates = np.unique(confidences)
    lost = np.searchsorted(right, candidates) / max(is_in_scope.sum(), 1)
    caught = np.searchsorted(missed, candidates) / max((~is_in_scope).sum(), 1)
    gains = caught - lost
    best = int(gains.argmax())
    return _just_below(candidates[best], confidences) if gains[best] > 0 else 0.0


def _in_scope(label_ids: np.ndarray, reject_id: int | None) -> np.ndarray:
    if reject_id is None:
        return np.ones(len(label_ids), bool)
    return label_ids != reject_id


def _just_below(confidence: np.floating, confidences: np.ndarray) -> float:
    """Gives the middle between a confidence and the next lower one.

    A server and a device add in another order, so that a row may score a millionth
    more or less there: no known row lies that near. Exact in float32, as the graph has.
    """
    lower = confidences[confidences < confidence]
    middle = (float(confidence) + (float(lower.max()) if lower.size else 0.0)) / 2
    return float(np.float32(middle))
