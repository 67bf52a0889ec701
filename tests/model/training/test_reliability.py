"""How far probabilities lie from how often they are right."""

import numpy as np
import pytest

from model.training.reliability import (
    ScoreQuality,
    bins,
    calibration_error,
    powers_of,
    softmax,
)


def test_bins_are_closed_on_the_right_and_count_every_row() -> None:
    confidences = np.array([1 / 15, 0.0, 1.0, 0.99], np.float32)
    found = bins(confidences, np.array([True, False, True, False]))
    assert [(item.right, item.wrong) for item in found] == [(1, 1), (1, 1)]
    assert (found[0].low, found[-1].high) == (0, 1)


def test_the_error_is_the_mean_gap_weighted_by_rows() -> None:
    confidences = np.array([0.9, 0.9, 0.9, 0.5])
    right = np.array([True, True, True, False])
    assert calibration_error(confidences, right) == pytest.approx(0.75 * 0.1 + 0.125)


def test_scores_as_often_right_as_they_say_have_no_error() -> None:
    scores = np.tile([0.75, 0.25], (4, 1))
    quality = ScoreQuality.of(scores, np.array([0, 0, 0, 1]))
    assert quality.calibration_error == pytest.approx(0)
    assert quality.log_loss == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)


def test_an_impossible_score_does_not_make_the_loss_infinite() -> None:
    quality = ScoreQuality.of(np.array([[1.0, 0.0]]), np.array([1]))
    assert np.isfinite(quality.log_loss)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_scores_from_before_calibration_are_found_again(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 9)).astype(np.float32)
    calibrated = softmax(logits / temperature).astype(np.float32)
    found = powers_of(calibrated, temperature)
    np.testing.assert_allclose(found, softmax(logits), atol=1e-5)
