"""After training: the scores get their meaning, on the validation split.

First the temperature, then the threshold, which is one of calibrated scores.
"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from model import contract
from model.config import ScoringConfig
from model.training import calibration, rejection
from model.training.reliability import softmax
from model.training.train import TrainingJob, validation_batches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scoring:
    """A classifier whose scores have a meaning, and what was chosen for it."""

    model: keras.Model
    calibration: calibration.Calibration | None
    rejection: contract.Rejection | None


def with_meaning(
    classifier: keras.Model,
    job: TrainingJob,
    config: ScoringConfig,
    labels: Sequence[str],
) -> Scoring:
    """Calibrates the classifier and chooses when it rejects, as far as is wanted.

    Args:
        classifier: trained, `[B, T]` token ids -> `[B, C]` logits.
        job: what it was trained by; its validation split is read.
        config: what is wanted.
        labels: C names, in the order of the class ids.
    """
    found = None
    wants_threshold = config.reject is not None or config.reject_label is not None
    if not config.calibrate and not wants_threshold:
        return Scoring(model=classifier, calibration=None, rejection=None)
    logits, label_ids = _validation(classifier, job)
    if config.calibrate:
        found = calibration.fit(logits, label_ids)
        classifier = calibration.at_temperature(classifier, found.temperature)
        logits = logits / found.temperature
    return Scoring(
        model=classifier,
        calibration=found,
        rejection=_rejection(softmax(logits), label_ids, config, labels)
        if wants_threshold
        else None,
    )


def _rejection(
    scores: np.ndarray,
    label_ids: np.ndarray,
    config: ScoringConfig,
    labels: Sequence[str],
) -> contract.Rejection:
    label = config.reject_label
    reject_id = None if label is None else list(labels).index(label)
    if config.reject is not None:
        threshold = rejection.threshold_losing(
            scores, label_ids, config.reject, reject_id
        )
    else:
        assert reject_id is not None
        threshold = rejection.balanced_threshold(scores, label_ids, reject_id)
    return contract.Rejection(threshold=threshold, label=label)


def _validation(
    classifier: keras.Model, job: TrainingJob
) -> tuple[np.ndarray, np.ndarray]:
    """Gives logits `[N, C]` and true classes `[N]` of the validation split."""
    batches = validation_batches(job)  # Kept in memory: the same order twice.
    logits = classifier.predict(batches, verbose=0)
    label_ids = [labels for _, labels in batches.as_numpy_iterator()]
    return np.asarray(logits, np.float32), np.concatenate(label_ids)
