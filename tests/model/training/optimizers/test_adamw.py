"""AdamW does what Keras's does, with one kernel."""

import keras
import numpy as np
import tensorflow as tf

from model.training.optimizers.adamw import AdamW


def after(optimizer: keras.optimizers.Optimizer, steps: int = 6) -> np.ndarray:
    numbers = np.random.default_rng(0)
    weights = keras.Variable(numbers.normal(size=(8, 3)).astype("float32"))
    for _ in range(steps):
        gradient = numbers.normal(size=(8, 3)).astype("float32")
        optimizer.apply([tf.constant(gradient)], [weights])
    return np.array(weights)


def test_updates_are_those_of_keras() -> None:
    ours = after(AdamW(0.01, weight_decay=0.1, summed_clip_norm=2.0))
    theirs = after(keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=2.0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_excluded_variables_do_not_decay() -> None:
    optimizer = AdamW(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    bias = keras.Variable(np.ones(3, "float32"), name="bias")
    kernel = keras.Variable(np.ones(3, "float32"), name="kernel")
    optimizer.apply([tf.zeros(3), tf.zeros(3)], [bias, kernel])
    np.testing.assert_array_equal(bias, np.ones(3))
    np.testing.assert_allclose(kernel, np.full(3, 0.995))
