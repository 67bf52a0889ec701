"""A new head that already fits the frozen encoder, before anything is fine-tuned.

Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform
Out-of-Distribution", arXiv 2202.10054: linear probing, then fine-tuning. A random head
sends large and meaningless gradients into the encoder until it has learnt itself.
"""

import logging
import warnings
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from model import contract

MAX_ROWS = 20_000
"""More would cost more than they help."""
_REGULARIZATION = 10.0
"""scikit-learn's `C`, for states whose root-mean-square length is 1."""
_MAX_ITERATIONS = 200
_POOLING, _HEAD = "pooling", "logits"

_logger = logging.getLogger(__name__)


def fit_head(
    model: keras.Model, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
) -> bool:
    """Gives the head the weights of a logistic regression on the pooled states.

    Args:
        model: of `encoder.build_classifier`, with a pooling and a head.
        batches: token ids `[B, T]` and label ids `[B]`; rows without a label are passed
            over.

    Returns:
        Whether there was something to learn: rows of two classes.
    """
    states, label_ids = _pooled(model, batches)
    if len(np.unique(label_ids)) < 2:
        return False
    scale = float(np.sqrt((states**2).sum(axis=1).mean())) or 1.0
    regression = LogisticRegression(C=_REGULARIZATION, max_iter=_MAX_ITERATIONS)
    with warnings.catch_warnings():
        # What was found by then is a good start, too; and scikit-learn calls SciPy in
        # a way that SciPy is giving up.
        for category in (ConvergenceWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        regression.fit(states / scale, label_ids)
    head = model.get_layer(_HEAD)
    kernel, bias = _weights(regression, head.units)
    head.kernel.assign(kernel / scale)
    head.bias.assign(bias)
    share = regression.score(states / scale, label_ids)
    _logger.info("The head starts with %.1f %% of the train rows right.", 100 * share)
    return True


def _pooled(
    model: keras.Model, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
) -> tuple[np.ndarray, np.ndarray]:
    """Reads states `[N, D]` and labels `[N]`."""
    encoder = keras.Model(model.input, model.get_layer(_POOLING).output)

    @tf.function(reduce_retracing=True)
    def pooled(token_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(encoder(token_ids, training=False), tf.float32)

    states, label_ids = [], []
    for token_ids, labels in batches:
        is_labelled = labels.numpy() != contract.NO_LABEL_ID
        states.append(pooled(token_ids).numpy()[is_labelled])
        label_ids.append(labels.numpy()[is_labelled])
    return np.concatenate(states), np.concatenate(label_ids)


def _weights(
    regression: LogisticRegression, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gives `[D, C]` and `[C]`; a class without rows starts as the unlikeliest."""
    found, intercept = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # One row says how much likelier the second is.
        halves = np.array([-0.5, 0.5])
        found, intercept = halves[:, None] * found, halves * intercept
    kernel = np.zeros((found.shape[1], num_classes), np.float32)
    bias = np.full(num_classes, intercept.min(), np.float32)
    kernel[:, regression.classes_], bias[regression.classes_] = found.T, intercept
    return kernel, bias
