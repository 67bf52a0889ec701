"""Clipping, smoothing: what one step of training does to a gradient and a label."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.training.losses import SmoothedCrossentropy
from model.training.optimizer import ClippedAdamW


def moments_after(gradients: list[tf.Tensor], clip_norm: float) -> list[np.ndarray]:
    """First moments of one step; they are 0.1 times the clipped gradient."""
    weights = [keras.Variable(np.zeros(g.shape, "float32")) for g in gradients]
    optimizer = ClippedAdamW(1e-3, summed_clip_norm=clip_norm)
    optimizer.apply(gradients, weights)
    return [np.asarray(moment) / 0.1 for moment in optimizer._momentums]


def test_long_gradient_is_scaled_down_as_a_whole() -> None:
    clipped = moments_after([tf.constant([6.0]), tf.constant([8.0])], clip_norm=5.0)
    np.testing.assert_allclose(clipped, [[3.0], [4.0]], rtol=1e-5)


def test_short_gradient_stays() -> None:
    clipped = moments_after([tf.constant([0.6]), tf.constant([0.8])], clip_norm=5.0)
    np.testing.assert_allclose(clipped, [[0.6], [0.8]], rtol=1e-5)


def test_rows_that_occur_twice_are_added_before_measuring() -> None:
    twice = tf.IndexedSlices(
        tf.constant([[3.0], [3.0]]), tf.constant([0, 0]), tf.constant([1, 1])
    )
    (clipped,) = moments_after([twice], clip_norm=3.0)
    np.testing.assert_allclose(clipped, [[3.0]], rtol=1e-5)


def test_optimizer_survives_saving() -> None:
    optimizer = ClippedAdamW(1e-3, summed_clip_norm=0.5)
    twin = ClippedAdamW.from_config(optimizer.get_config())
    assert twin.summed_clip_norm == 0.5


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
