"""What the confidences are worth: calibration, and what rejecting low ones buys."""

import dataclasses

import numpy as np

from pipeline.report.metrics import right_answers
from pipeline.report.results import Evaluation

CALIBRATION_BINS = 15
"""Guo et al. 2017, "On Calibration of Modern Neural Networks", use 15."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Answering only at `threshold` or above answers `coverage` with `accuracy`."""

    threshold: float
    coverage: float
    accuracy: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bin:
    """Rows whose confidence lies in one of equal intervals; `low` to `high`."""

    low: float
    high: float
    right: int
    wrong: int
    confidence: float
    accuracy: float


def calibration_bins(evaluation: Evaluation) -> list[Bin]:
    """Sorts rows into `CALIBRATION_BINS` equal intervals, empty ones left out."""
    confidences, right = np.asarray(evaluation.confidences), right_answers(evaluation)
    # Right-closed as in the paper, so a confidence of exactly 1 is in the last bin.
    index = np.ceil(confidences * CALIBRATION_BINS).astype(int) - 1
    index = index.clip(0, CALIBRATION_BINS - 1)
    members = [index == number for number in range(CALIBRATION_BINS)]
    return [
        Bin(
            low=number / CALIBRATION_BINS,
            high=(number + 1) / CALIBRATION_BINS,
            right=int(right[rows].sum()),
            wrong=int((~right[rows]).sum()),
            confidence=float(confidences[rows].mean()),
            accuracy=float(right[rows].mean()),
        )
        for number, rows in enumerate(members)
        if rows.any()
    ]


def expected_calibration_error(evaluation: Evaluation) -> float:
    """Averages the distance of confidence and accuracy over the bins, by rows."""
    bins = calibration_bins(evaluation)
    rows = [item.right + item.wrong for item in bins]
    gaps = [abs(item.accuracy - item.confidence) for item in bins]
    return float(np.average(gaps, weights=rows)) if bins else float("nan")


def coverage_curve(evaluation: Evaluation) -> list[OperatingPoint]:
    """Gives one point per distinct confidence, the highest threshold first."""
    confidences, right = np.asarray(evaluation.confidences), right_answers(evaluation)
    order = np.argsort(-confidences, kind="stable")
    ordered = confidences[order]
    # Rows of equal confidence are accepted together: only the last of them counts.
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True)[: ordered.size])
    right_so_far = right[order].cumsum()
    return [
        OperatingPoint(
            threshold=float(ordered[row]),
            coverage=float((row + 1) / ordered.size),
            accuracy=float(right_so_far[row] / (row + 1)),
        )
        for row in last
    ]


def operating_points(
    curve: list[OperatingPoint], targets: tuple[float, ...]
) -> dict[float, OperatingPoint | None]:
    """Finds, for each accuracy wanted, the point that answers most; None without."""
    return {
        target: max(
            (point for point in curve if point.accuracy >= target),
            key=lambda point: point.coverage,
            default=None,
        )
        for target in targets
    }
