"""Numbers of the report, against examples worked out by hand."""

import math

import numpy as np
import pytest

from pipeline.report import confidence, metrics
from pipeline.report.results import Evaluation
from tests.support.pipeline.run_results import run_results

EMPTY = Evaluation(
    labels=("a", "b"), true_ids=(), predicted_ids=(), confidences=(), texts=()
)
SIX = Evaluation(
    labels=("a", "b", "c"),
    true_ids=(0, 0, 0, 1, 1, 2),
    predicted_ids=(0, 1, 1, 1, 0, 2),
    confidences=(0.9, 0.6, 0.8, 0.7, 0.95, 0.5),
    texts=("a0", "a1", "a2", "b0", "b1", "c0"),
    top_ids=((0, 1), (1, 0), (1, 2), (1, 0), (0, 1), (2, 0)),
)


def test_accuracy_counts_right_answers():
    assert metrics.accuracy(SIX) == pytest.approx(3 / 6)


def test_accuracy_interval_is_wilsons():
    # Wilson's interval of 3 in 6, z = 1.96: 0.5 ± 0.3124.
    assert metrics.accuracy_interval(SIX) == pytest.approx((0.1876, 0.8124), abs=1e-4)


def test_macro_f1_is_the_mean_over_classes():
    # a: P 1/2, R 1/3, F1 0.4. b: P 1/3, R 1/2, F1 0.4. c: 1.
    assert metrics.macro_f1(SIX) == pytest.approx((0.4 + 0.4 + 1) / 3)


def test_class_scores_are_per_class():
    first, second, third = metrics.class_scores(SIX)
    assert (first.precision, first.recall) == pytest.approx((1 / 2, 1 / 3))
    assert (second.support, second.confused_with) == (2, "a")
    assert (third.f1, third.confused_with) == (1.0, None)


def test_class_without_rows_scores_zero_and_is_kept():
    unseen = Evaluation(
        labels=("a", "b"),
        true_ids=(0,),
        predicted_ids=(0,),
        confidences=(1.0,),
        texts=("",),
    )
    assert [score.support for score in metrics.class_scores(unseen)] == [1, 0]
    assert metrics.macro_f1(unseen) == 1.0


def test_confusion_has_true_classes_in_rows():
    assert metrics.confusion(SIX).tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]


def test_most_confused_pair_carries_its_surest_example():
    pair = metrics.most_confused(SIX, 1)[0]
    assert (pair.true, pair.predicted, pair.count) == ("a", "b", 2)
    assert pair.share == pytest.approx(2 / 3)
    assert pair.example == "a2"


def test_mistakes_come_surest_first():
    assert [mistake.text for mistake in metrics.mistakes(SIX)] == ["b1", "a2", "a1"]


def test_top_k_accuracy_looks_at_all_k():
    assert metrics.top_k_accuracy(SIX) == pytest.approx(5 / 6)


def test_calibration_error_of_one_bin_is_its_gap():
    confident = Evaluation(
        labels=("a", "b"),
        true_ids=(0, 0, 0, 0),
        predicted_ids=(0, 0, 0, 1),
        confidences=(0.96, 0.96, 0.96, 0.96),
        texts=("",) * 4,
    )
    assert confidence.expected_calibration_error(confident) == pytest.approx(0.21)


def test_calibration_error_weighs_bins_by_rows():
    mixed = Evaluation(
        labels=("a", "b"),
        true_ids=(0, 0, 0, 0),
        predicted_ids=(0, 0, 0, 1),
        confidences=(1.0, 1.0, 1.0, 0.55),
        texts=("",) * 4,
    )
    assert confidence.expected_calibration_error(mixed) == pytest.approx(0.55 / 4)


def test_confidence_of_exactly_one_or_zero_has_a_bin():
    edges = Evaluation(
        labels=("a",),
        true_ids=(0, 0),
        predicted_ids=(0, 0),
        confidences=(1.0, 0.0),
        texts=("", ""),
    )
    bins = confidence.calibration_bins(edges)
    assert [(bins[0].low, bins[-1].high), len(bins)] == [(0.0, 1.0), 2]


def test_bins_count_every_row_once():
    evaluation = run_results(rows=500).evaluation
    bins = confidence.calibration_bins(evaluation)
    assert sum(item.right + item.wrong for item in bins) == 500


def test_coverage_curve_ends_at_the_plain_accuracy():
    curve = confidence.coverage_curve(SIX)
    assert curve[0].threshold == 0.95
    assert curve[-1].coverage == 1
    assert curve[-1].accuracy == pytest.approx(metrics.accuracy(SIX))


def test_equal_confidences_are_accepted_together():
    tied = Evaluation(
        labels=("a", "b"),
        true_ids=(0, 0, 0),
        predicted_ids=(0, 1, 0),
        confidences=(0.5, 0.5, 0.9),
        texts=("",) * 3,
    )
    curve = confidence.coverage_curve(tied)
    assert [point.coverage for point in curve] == pytest.approx([1 / 3, 1])


def test_operating_point_keeps_its_promise():
    evaluation = run_results(rows=400).evaluation
    point = confidence.operating_points(confidence.coverage_curve(evaluation), (0.95,))[
        0.95
    ]
    answered = np.asarray(evaluation.confidences) >= point.threshold
    right = np.equal(evaluation.true_ids, evaluation.predicted_ids)
    assert right[answered].mean() >= 0.95
    assert answered.mean() == pytest.approx(point.coverage)


def test_operating_point_answers_as_much_as_it_may():
    curve = confidence.coverage_curve(run_results(rows=400).evaluation)
    point = confidence.operating_points(curve, (0.95,))[0.95]
    wider = [other for other in curve if other.coverage > point.coverage]
    assert wider
    assert all(other.accuracy < 0.95 for other in wider)


def test_accuracy_out_of_reach_has_no_operating_point():
    wrong = Evaluation(
        labels=("a", "b"),
        true_ids=(0,),
        predicted_ids=(1,),
        confidences=(0.9,),
        texts=("",),
    )
    curve = confidence.coverage_curve(wrong)
    assert confidence.operating_points(curve, (0.5,)) == {0.5: None}


def test_no_rows_give_no_numbers_and_no_error():
    assert math.isnan(metrics.accuracy(EMPTY))
    assert math.isnan(metrics.macro_f1(EMPTY))
    assert math.isnan(confidence.expected_calibration_error(EMPTY))
    assert metrics.most_confused(EMPTY, 5) == []
    assert metrics.class_scores(EMPTY) == []
    assert confidence.coverage_curve(EMPTY) == []
