"""LAMB, step by step as the paper has it."""

import keras
import numpy as np
import tensorflow as tf

from model.training.optimizers.lamb import Lamb

BETA_1, BETA_2, EPSILON, RATE, DECAY = 0.9, 0.999, 1e-7, 0.01, 0.1


def as_published(
    weights: np.ndarray, gradients: np.ndarray, *, excluded: bool
) -> np.ndarray:
    """Algorithm 2 of You et al. 2020, in float64."""
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step, gradient in enumerate(gradients, 1):
        mean = BETA_1 * mean + (1 - BETA_1) * gradient
        square = BETA_2 * square + (1 - BETA_2) * gradient**2
        ratio = (mean / (1 - BETA_1**step)) / (
            np.sqrt(square / (1 - BETA_2**step)) + EPSILON
        )
        if excluded:
            weights = weights - RATE * ratio
            continue
        update = ratio + DECAY * weights
        trust = np.linalg.norm(weights) / np.linalg.norm(update)
        weights = weights - RATE * trust * update
    return weights


def test_updates_are_those_of_the_paper() -> None:
    numbers = np.random.default_rng(0)
    start, bias_start = numbers.normal(size=(8, 3)), numbers.normal(size=3)
    gradients = numbers.normal(size=(5, 8, 3))
    kernel = keras.Variable(start, dtype="float32", name="kernel")
    bias = keras.Variable(bias_start, dtype="float32", name="bias")
    optimizer = Lamb(RATE, weight_decay=DECAY, summed_clip_norm=1e6)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    for gradient in gradients:
        both = [tf.constant(gradient, tf.float32), tf.constant(gradient[0], tf.float32)]
        optimizer.apply(both, [kernel, bias])
    expected = as_published(start, gradients, excluded=False)
    np.testing.assert_allclose(kernel, expected, rtol=1e-4)
    expected = as_published(bias_start, gradients[:, 0], excluded=True)
    np.testing.assert_allclose(bias, expected, rtol=1e-4)


def test_weights_that_are_all_zero_can_leave_it() -> None:
    weights = keras.Variable(np.zeros((4, 4), "float32"), name="kernel")
    Lamb(0.01).apply([tf.ones((4, 4))], [weights])
    np.testing.assert_allclose(weights, np.full((4, 4), -0.01), rtol=1e-4)
