"""What the threshold does on the test split."""

import pytest

from pipeline.report import rejecting
from pipeline.report.results import Evaluation, Rejection

LABELS = ("cash", "card", "oos")
OOS = 2


def evaluation(
    rejection: Rejection | None, *rows: tuple[int, int, float]
) -> Evaluation:
    """Rows of (true, answer, confidence)."""
    true, answers, confidences = zip(*rows, strict=True)
    return Evaluation(
        labels=LABELS,
        true_ids=true,
        predicted_ids=answers,
        confidences=confidences,
        texts=tuple("abcdefgh"[: len(rows)]),
        rejection=rejection,
    )


IN_SCOPE = ((0, 0, 0.9), (1, 1, 0.8), (1, 1, 0.4), (0, 1, 0.3), (0, 1, 0.7))
OUTSIDE = ((OOS, OOS, 0.9), (OOS, 0, 0.45), (OOS, 1, 0.95))


def test_a_model_without_a_threshold_rejects_nothing() -> None:
    assert rejecting.measure(evaluation(None, *IN_SCOPE)) is None


def test_without_a_label_answers_and_mistakes_are_counted() -> None:
    found = rejecting.measure(evaluation(Rejection(threshold=0.5), *IN_SCOPE))
    assert found is not None
    assert found.coverage == pytest.approx(3 / 5)
    assert found.answered_accuracy == pytest.approx(2 / 3)
    assert found.in_scope_accuracy == pytest.approx(2 / 5)
    assert found.mistakes_caught == pytest.approx(1 / 2)
    assert found.out_of_scope_recall is found.out_of_scope_precision is None
    assert rejecting.trade_offs(evaluation(Rejection(threshold=0.5), *IN_SCOPE)) == []


def test_with_a_label_its_rows_must_be_rejected_and_its_answers_are() -> None:
    rejection = Rejection(threshold=0.5, label="oos")
    found = rejecting.measure(evaluation(rejection, *IN_SCOPE, *OUTSIDE))
    assert found is not None
    assert found.coverage == pytest.approx(4 / 8)
    assert found.in_scope_accuracy == pytest.approx(2 / 5)
    assert found.out_of_scope_recall == pytest.approx(2 / 3)
    assert found.out_of_scope_precision == pytest.approx(2 / 4)
    assert found.answered_accuracy == pytest.approx(2 / 4)


def test_a_threshold_that_answers_nothing_has_no_accuracy() -> None:
    found = rejecting.measure(evaluation(Rejection(threshold=1.0), *IN_SCOPE))
    assert found is not None
    assert (found.coverage, found.answered_accuracy) == (0, None)


def test_the_curve_goes_through_what_is_exported() -> None:
    rejection = Rejection(threshold=0.45, label="oos")
    shown = evaluation(rejection, *IN_SCOPE, *OUTSIDE)
    points, found = rejecting.trade_offs(shown), rejecting.measure(shown)
    assert found is not None
    at = {(p.in_scope_accuracy, p.out_of_scope_recall) for p in points}
    assert (found.in_scope_accuracy, found.out_of_scope_recall) in at
    thresholds = [point.threshold for point in points]
    recalls = [point.out_of_scope_recall for point in points]
    assert (thresholds, recalls) == (sorted(thresholds), sorted(recalls))
    assert recalls[-1] < 1  # The surest answer of all is never rejected.
