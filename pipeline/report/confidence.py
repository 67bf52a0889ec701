"""What the confidences are worth: calibration, and what rejecting low ones buys."""

import dataclasses

import numpy as np

from model.training import reliability
from pipeline.report.metrics import right_answers
from pipeline.report.results import Evaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Answering only at `threshold` or above answers `coverage` with `accuracy`."""

    threshold: float
    coverage: float
    accuracy: float


def calibration_bins(evaluation: Evaluation) -> list[reliability.Bin]:
    """Sorts rows into equal intervals of confidence, empty ones left out."""
    return reliability.bins(
        np.asarray(evaluation.confidences), right_answers(evaluation)
    )


def bins_before(evaluation: Evaluation) -> list[reliability.Bin]:
    """Gives the bins from before calibration; none of a model that has none."""
    calibration = evaluation.calibration
    if calibration is None:
        return []
    return reliability.bins(
        np.asarray(calibration.confidences_before), right_answers(evaluation)
    )


def expected_calibration_error(evaluation: Evaluation) -> float:
    """Averages the distance of confidence and accuracy over the bins, by rows."""
    return reliability.calibration_error(
        np.asarray(evaluation.confidences), right_answers(evaluation)
    )


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
