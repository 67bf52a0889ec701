"""Scores many texts with an exported SavedModel, those of like length together."""

import dataclasses
import logging
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from model import contract

BATCH_ROWS = 256

Scorer = Callable[[Sequence[bytes]], tf.Tensor]
"""Texts -> scores `[B, C]` in label order."""


@dataclasses.dataclass(frozen=True)
class ScoringProgress:
    """How many of `total` texts are scored."""

    done: int
    total: int

    @property
    def told(self) -> str:
        """Says it in a few words."""
        return f"{self.done:,} of {self.total:,} texts scored"


def score_texts(scorer: Scorer, texts: Sequence[bytes]) -> np.ndarray:
    """Gives float32 `[N, C]`, in the order of `texts`, and logs how far it is.

    Texts are padded to the longest of a batch, so they are sorted by length before.
    """
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    batches = []
    for start in range(0, len(order), BATCH_ROWS):
        _log(ScoringProgress(start, len(order)))
        batch = order[start : start + BATCH_ROWS]
        batches.append(scorer([texts[position] for position in batch]).numpy())
    _log(ScoringProgress(len(order), len(order)))
    scores = np.concatenate(batches)
    in_order = np.empty_like(scores)
    in_order[order] = scores
    return in_order


def _log(progress: ScoringProgress) -> None:
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    logger.info("%s", progress.told, extra={"progress": progress})
