"""What probabilities are worth: how far they lie from how often they are right."""

import dataclasses

import numpy as np

BINS = 15
"""Guo et al. 2017, "On Calibration of Modern Neural Networks", use 15."""
_LEAST_SCORE = 1e-30
"""A float32 score of 0 is a smaller number than it can hold, not impossible."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bin:
    """Rows whose confidence lies in one of equal intervals; `low` to `high`."""

    low: float
    high: float
    right: int
    wrong: int
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreQuality:
    """How good scores are on labelled rows; less is better.

    `calibration_error` is the mean distance of confidence and accuracy over `BINS`
    intervals (ECE), `log_loss` the mean negative log-likelihood of the true class.
    """

    calibration_error: float
    log_loss: float

    @classmethod
    def of(cls, scores: np.ndarray, label_ids: np.ndarray) -> "ScoreQuality":
        """Measures scores `[N, C]` against true classes `[N]`; NaN without rows."""
        if not len(scores):
            return cls(calibration_error=float("nan"), log_loss=float("nan"))
        right = scores.argmax(axis=1) == label_ids
        true_scores = scores[np.arange(len(scores)), label_ids].astype(np.float64)
        return cls(
            calibration_error=calibration_error(scores.max(axis=1), right),
            log_loss=float(-np.log(np.maximum(true_scores, _LEAST_SCORE)).mean()),
        )


def bins(confidences: np.ndarray, right: np.ndarray) -> list[Bin]:
    """Sorts rows into `BINS` equal intervals of confidence, empty ones left out."""
    # Right-closed as in the paper, so a confidence of exactly 1 is in the last bin.
    index = (np.ceil(confidences * BINS).astype(int) - 1).clip(0, BINS - 1)
    members = [index == number for number in range(BINS)]
    return [
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            right=int(right[rows].sum()),
            wrong=int((~right[rows]).sum()),
            confidence=float(confidences[rows].mean()),
            accuracy=float(right[rows].mean()),
        )
        for number, rows in enumerate(members)
        if rows.any()
    ]


def calibration_error(confidences: np.ndarray, right: np.ndarray) -> float:
    """Averages the distance of confidence and accuracy over the bins, by rows (ECE)."""
    found = bins(confidences, right)
    rows = [item.right + item.wrong for item in found]
    gaps = [abs(item.accuracy - item.confidence) for item in found]
    return float(np.average(gaps, weights=rows)) if found else float("nan")


def powers_of(scores: np.ndarray, exponent: float) -> np.ndarray:
    """Raises scores `[N, C]` to a power, and makes them probabilities again.

    With the temperature that a model was exported with as `exponent`, these are its
    scores from before it was calibrated.
    """
    logits = exponent * np.log(np.maximum(scores.astype(np.float64), _LEAST_SCORE))
    return softmax(logits).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turns logits `[N, C]` into probabilities, in float64."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return powers / powers.sum(axis=1, keepdims=True)
