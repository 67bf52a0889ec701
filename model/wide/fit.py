"""Learns the wide branch: a linear support-vector machine per class."""

import logging
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from model.wide.features import Rows, WideFeatures
from model.wide.layer import WideScores

_MAX_NUMBERS = 2_500_000
"""Most numbers in both tables, a byte each on a device."""
_FEWEST_PAIRS, _MOST_PAIRS = 1024, 262_144
_MAX_ROWS = 50_000
"""A linear model gains little from more, and takes longer than the encoder."""
_REGULARIZATION = 0.3
"""scikit-learn's `C`. Between 0.1 and 1 nothing changed on six data sets."""

_logger = logging.getLogger(__name__)


def num_pairs(vocabulary_size: int, num_classes: int, num_tokens: int) -> int | None:
    """Chooses the rows of the table of pairs, a power of two; None if none fits.

    More than there are pairs, up to `num_tokens`, are of no use.
    """
    room = _MAX_NUMBERS // num_classes - vocabulary_size
    if room < _FEWEST_PAIRS:
        return None
    useful = max(_FEWEST_PAIRS, 2 ** num_tokens.bit_length())
    return min(useful, _MOST_PAIRS, 2 ** (room.bit_length() - 1))


def fit(
    rows: Rows, label_ids: np.ndarray, vocabulary: Sequence[str], num_classes: int
) -> WideScores | None:
    """Learns from token ids and label ids.

    Args:
        rows: token ids of each text, without padding.
        label_ids: `[R]` integers.
        vocabulary: tokens in the order of their ids.
        num_classes: C.

    Returns:
        The layer; None, with a message in the log, where the tables would be too large
        for a device or the rows have one label only.
    """
    pairs = num_pairs(len(vocabulary), num_classes, sum(map(len, rows)))
    if pairs is None or len(np.unique(label_ids)) < 2:
        _logger.info(
            "No wide branch: %d labels and %d word pieces; it takes up to %d numbers.",
            *(num_classes, len(vocabulary), _MAX_NUMBERS),
        )
        return None
    chosen = np.random.default_rng(0).permutation(len(rows))[:_MAX_ROWS]
    rows, label_ids = [rows[index] for index in chosen], label_ids[chosen]
    features = WideFeatures.of(rows, vocabulary, pairs, seed=0)
    weights, bias = _svm(features, rows, label_ids, num_classes)
    return _layer(features, weights, bias)


def _svm(
    features: WideFeatures, rows: Rows, label_ids: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gives weights `[F, C]` and bias `[C]`; a class without rows is never chosen."""
    machine = LinearSVC(C=_REGULARIZATION, random_state=0)
    with warnings.catch_warnings():
        # Rows that contradict each other; what was found by then is good enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(features.matrix(rows), label_ids)
    found, intercept = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:  # One machine for both.
        found, intercept = (
            np.concatenate([-found, found]),
            np.array([-1, 1]) * intercept,
        )
    weights = np.zeros((found.shape[1], num_classes), np.float32)
    bias = np.full(num_classes, _NEVER, np.float32)
    weights[:, machine.classes_], bias[machine.classes_] = found.T, intercept
    return weights, bias


_NEVER = -2.0
"""A machine says -1 to what is not of its class."""


def _layer(features: WideFeatures, weights: np.ndarray, bias: np.ndarray) -> WideScores:
    vocabulary_size, num_grams = features.grams.shape
    layer = WideScores(
        vocabulary_size, len(features.pair_weights), len(bias), name="wide"
    )
    layer.build()
    layer.token_scores.assign(features.grams @ weights[:num_grams])
    layer.pair_scores.assign(features.pair_weights[:, None] * weights[num_grams:])
    layer.token_norms.assign(features.token_norms)
    layer.pair_norms.assign(features.pair_weights**2)
    layer.first.assign(features.first)
    layer.second.assign(features.second)
    layer.bias.assign(bias)
    return layer
