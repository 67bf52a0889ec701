"""Encoder and wide branch as one classifier; validation says how much of each.

Wide and deep (Cheng et al. 2016, arXiv 1606.07792), but each learns alone: trained
together, the encoder learns only what the linear model gets wrong on the train split,
which is next to nothing, and the sum was worse than the linear model on two data sets.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize, special

from model import answers, contract
from model.wide.layer import WideScores

_USUAL_SHARES = np.array([0.5, 4.0])
"""Of the encoder's logits and of the wide branch's, as they came out on six data sets.
They count as much as `_USUAL_ROWS` validation rows, so that few rows decide little."""
_USUAL_ROWS = 20.0
_LARGEST_FACTOR = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Joined:
    """The joined model, and the validation accuracy of it and of its parts."""

    model: keras.Model
    accuracy: float
    encoder_accuracy: float
    wide_accuracy: float


def join(
    classifier: keras.Model, wide: WideScores, validation: tf.data.Dataset
) -> Joined:
    """Adds both logits, each times a factor that is folded into its weights.

    Args:
        classifier: its last layer is named `logits`, and is changed.
        wide: is changed.
        validation: batches of token ids and label ids.
    """
    both = keras.Model(classifier.input, [classifier.output, wide(classifier.input)])
    (deep_logits, wide_logits), label_ids = answers.gather(both, validation)
    of_deep, of_wide = shares(deep_logits, wide_logits, label_ids)
    head = classifier.get_layer("logits")
    for weights, share in (
        *((each, of_deep) for each in head.weights),
        *((each, of_wide) for each in (wide.token_scores, wide.pair_scores, wide.bias)),
    ):
        weights.assign(weights * share)
    token_ids = classifier.input
    total = keras.layers.Add(dtype="float32", name="deep_and_wide")(
        [classifier.output, wide(token_ids)]
    )
    return Joined(
        model=keras.Model(token_ids, total, name=contract.MODEL_NAME),
        accuracy=_accuracy(of_deep * deep_logits + of_wide * wide_logits, label_ids),
        encoder_accuracy=_accuracy(deep_logits, label_ids),
        wide_accuracy=_accuracy(wide_logits, label_ids),
    )


def shares(
    deep_logits: np.ndarray, wide_logits: np.ndarray, label_ids: np.ndarray
) -> tuple[float, float]:
    """Finds the factors of two kinds of logits `[N, C]` that make the labels likeliest.

    A least-likely row costs what its logarithm says, and so does being far from what is
    usual: factors are positive, and at most 30 times larger or smaller.
    """

    def cost(logarithms: np.ndarray) -> float:
        of_deep, of_wide = np.exp(logarithms) * _USUAL_SHARES
        log_scores = special.log_softmax(
            of_deep * deep_logits + of_wide * wide_logits, axis=1
        )
        likelihood = np.take_along_axis(log_scores, label_ids[:, None], axis=1).sum()
        return float(_USUAL_ROWS * (logarithms**2).sum() / 2 - likelihood)

    bound = np.log(_LARGEST_FACTOR)
    found = optimize.minimize(
        cost, np.zeros(2), method="Nelder-Mead", bounds=[(-bound, bound)] * 2
    )
    of_deep, of_wide = np.exp(found.x) * _USUAL_SHARES
    return float(of_deep), float(of_wide)


def _accuracy(logits: np.ndarray, label_ids: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == label_ids).mean())
