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

from model import answers, contract
from model.linear import class_weights

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
    encoder = keras.Model(model.input, model.get_layer(_POOLING).output)
    (states,), label_ids = answers.gather(encoder, batches)
    is_labelled = label_ids != contract.NO_LABEL_ID
    states, label_ids = states[is_labelled], label_ids[is_labelled]
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
    # Half and half: the softmax of two classes is the sigmoid of their difference.
    kernel, bias = class_weights(
        regression, head.units, unseen=regression.intercept_.min(), two_classes=0.5
    )
    head.kernel.assign(kernel / scale)
    head.bias.assign(bias)
    share = regression.score(states / scale, label_ids)
    _logger.info("The head starts with %.1f %% of the train rows right.", 100 * share)
    return True
