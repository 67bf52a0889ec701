"""The threshold: what it costs, what it catches, and that no known row sits on it."""

import numpy as np
import pytest

from model.training.rejection import balanced_threshold, threshold_losing

OTHER = 2
"""The class that means "none of these"."""


def scored(*rows: tuple[int, int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores `[N, 3]` and true classes from (true, answer, confidence)."""
    scores = np.array([[(1 - c) / 2] * 3 for _, _, c in rows])
    for row, (_, answer, confidence) in enumerate(rows):
        scores[row, answer] = confidence
    return scores, np.array([true for true, _, _ in rows])


def right_rows(count: int) -> list[tuple[int, int, float]]:
    """Rows that are right, each surer than the one before: 0.50, 0.501, ..."""
    return [(0, 0, 0.5 + row / 1000) for row in range(count)]


@pytest.mark.parametrize(
    ("share", "lost"), [(0.0, 0), (0.009, 0), (0.01, 1), (0.05, 5), (0.29, 29)]
)
def test_no_more_right_answers_are_lost_than_was_allowed(
    share: float, lost: int
) -> None:
    scores, ids = scored(*right_rows(100))
    threshold = threshold_losing(scores, ids, share)
    assert int((scores.max(axis=1) < threshold).sum()) == lost


def test_wrong_answers_cost_nothing_and_count_as_rows() -> None:
    scores, ids = scored(*right_rows(50), *[(1, 0, 0.45)] * 50)
    threshold = threshold_losing(scores, ids, 0.02)
    rejected = scores.max(axis=1) < threshold
    assert rejected[:50].sum() == 2
    assert rejected[50:].all()


def test_rows_of_the_reject_label_are_no_answers_to_lose() -> None:
    scores, ids = scored(*right_rows(50), *[(OTHER, OTHER, 0.4)] * 50)
    threshold = threshold_losing(scores, ids, 0.1, OTHER)
    assert int((scores[:50].max(axis=1) < threshold).sum()) == 5


def test_however_much_may_be_lost_something_is_answered() -> None:
    scores, ids = scored(*right_rows(3), *[(1, 0, 0.9)] * 97)
    threshold = threshold_losing(scores, ids, 0.99)
    assert int((scores[:3].max(axis=1) >= threshold).sum()) == 1


def test_equal_scores_are_kept_together() -> None:
    scores, ids = scored(*[(0, 0, 0.6)] * 10)
    assert (scores.max(axis=1) >= threshold_losing(scores, ids, 0.5)).all()


def test_a_model_that_is_never_right_rejects_nothing() -> None:
    assert threshold_losing(*scored((0, 1, 0.9), (1, 0, 0.8)), 0.1) == 0


def test_the_balance_catches_what_is_out_of_scope_where_that_costs_least() -> None:
    outside = [(OTHER, 0, 0.5), (OTHER, 1, 0.6), (OTHER, OTHER, 0.9)]
    inside = [(0, 0, 0.55), (1, 1, 0.8), (0, 0, 0.9), (1, 1, 0.95)]
    scores, ids = scored(*outside, *inside)
    threshold = balanced_threshold(scores, ids, OTHER)
    # Both missed rows for one right answer: 2/3 - 1/4, and 1/3 - 0 for 0.5 alone.
    assert 0.6 < threshold < 0.8


def test_the_balance_rejects_nothing_more_where_the_label_says_it_all() -> None:
    scores, ids = scored((OTHER, OTHER, 0.9), (0, 0, 0.8), (1, 1, 0.4))
    assert balanced_threshold(scores, ids, OTHER) == 0


def test_a_threshold_lies_between_rows_and_is_a_float32() -> None:
    scores, ids = scored(*right_rows(10))
    threshold = threshold_losing(scores, ids, 0.3)
    assert np.abs(scores.max(axis=1) - threshold).min() > 4e-4
    assert threshold == float(np.float32(threshold))
