"""Learns the wide branch: a linear support-vector machine per class."""

import logging
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from model.config import ModelConfig
from model.linear import class_weights
from model.wide.features import Rows, WideFeatures
from model.wide.layer import WideScores

_FILE_BYTES = 4_400_000
"""What an int8 device file of 5 MB has room for, beside its operations."""
_LEAST_ROOM = 1_000_000
"""For the wide branch of a model that is larger than that by itself."""
_OF_A_ROW = 5
"""Bytes in an int8 file besides the logits: the row's scale and its length."""
_OF_A_TOKEN = 8
"""And two random numbers."""
_FEWEST_PAIRS, _MOST_PAIRS = 1024, 262_144
_MAX_ROWS = 50_000
"""A linear model gains little from more, and takes longer than the encoder."""
_REGULARIZATION = 0.3
"""scikit-learn's `C`. Between 0.1 and 1 nothing changed on six data sets."""

_logger = logging.getLogger(__name__)


def room_for(vocabulary: Sequence[str], num_weights: int) -> int:
    """How many bytes the wide branch of a model with so many weights may have."""
    tokens = sum(len(token.encode()) + 1 for token in vocabulary)
    return max(_LEAST_ROOM, _FILE_BYTES - num_weights - tokens)


def num_pairs(
    vocabulary_size: int, num_classes: int, num_tokens: int, room: int
) -> int | None:
    """Chooses the rows of the table of pairs for so many bytes; None if none fits.

    More than there are pairs, up to `num_tokens`, are of no use.
    """
    of_a_row = num_classes + _OF_A_ROW
    fitting = (room - vocabulary_size * (of_a_row + _OF_A_TOKEN)) // of_a_row
    if fitting < _FEWEST_PAIRS:
        return None
    useful = max(_FEWEST_PAIRS, 2 ** num_tokens.bit_length())
    return min(useful, _MOST_PAIRS, fitting)


def fit(
    rows: Rows, label_ids: np.ndarray, vocabulary: Sequence[str], model: ModelConfig
) -> WideScores | None:
    """Learns from token ids and label ids.

    Args:
        rows: token ids of each text, without padding.
        label_ids: `[R]` integers.
        vocabulary: tokens in the order of their ids.
        model: what the branch stands beside; it has the number of classes.

    Returns:
        The layer; None, with a message in the log, where the tables would be too large
        for a device or the rows have one label only.
    """
    room, num_classes = room_for(vocabulary, model.weights), model.num_classes
    pairs = num_pairs(len(vocabulary), num_classes, sum(map(len, rows)), room)
    if pairs is None or len(np.unique(label_ids)) < 2:
        _logger.info(
            "No wide branch: %d labels and %d word pieces; it takes up to %d bytes.",
            *(num_classes, len(vocabulary), room),
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
    return class_weights(machine, num_classes, unseen=_NEVER, two_classes=1.0)


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
    layer.token_lengths.assign(np.sqrt(features.token_norms))
    layer.pair_lengths.assign(features.pair_weights)
    layer.first.assign(features.first)
    layer.second.assign(features.second)
    layer.bias.assign(bias)
    return layer
