"""What smoothing does to the loss of a label."""

import keras
import numpy as np
import pytest

from model.training.losses import SmoothedCrossentropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothed_loss_is_that_of_keras_for_one_hot_labels(smoothing: float) -> None:
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0, 1])
    keras_loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing
    )
    expected = keras_loss(np.eye(4, dtype="float32")[labels], logits)
    actual = SmoothedCrossentropy(smoothing)(labels, logits)
    assert float(actual) == pytest.approx(float(expected), abs=1e-6)
