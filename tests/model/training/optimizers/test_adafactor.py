"""Adafactor: as published, and in the memory that it is for."""

import keras
import numpy as np
import tensorflow as tf

from model.training.optimizers.adafactor import Adafactor

RATE = 0.05


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def as_published(weights: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Algorithm 4 of Shazeer and Stern 2018, in float64."""
    rows, columns = np.zeros(weights.shape[0]), np.zeros(weights.shape[1])
    for step, gradient in enumerate(gradients, 1):
        kept = 1 - step**-0.8
        square = gradient**2 + 1e-30
        rows = kept * rows + (1 - kept) * square.sum(axis=1)
        columns = kept * columns + (1 - kept) * square.sum(axis=0)
        update = gradient / np.sqrt(np.outer(rows, columns) / rows.sum())
        update /= max(1.0, root_mean_square(update))
        size = max(1e-3, root_mean_square(weights))
        weights = weights - RATE * size * update
    return weights


def test_updates_are_those_of_the_paper() -> None:
    numbers = np.random.default_rng(0)
    start, gradients = numbers.normal(size=(6, 4)), numbers.normal(size=(5, 6, 4))
    weights = keras.Variable(start, dtype="float32", name="kernel")
    optimizer = Adafactor(RATE, summed_clip_norm=1e6)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [weights])
    np.testing.assert_allclose(weights, as_published(start, gradients), rtol=1e-4)


def test_matrix_takes_the_memory_of_a_row_and_a_column() -> None:
    optimizer = Adafactor(RATE)
    optimizer.build([keras.Variable(np.zeros((100, 50)), dtype="float32")])
    numbers = sum(
        variable.value.shape.num_elements() for variable in optimizer._means[0]
    )
    assert numbers == 150


def test_vector_keeps_one_mean_per_number() -> None:
    weights = keras.Variable(np.ones(3, "float32"), name="bias")
    optimizer = Adafactor(RATE, summed_clip_norm=1e6)
    optimizer.apply([tf.constant([3.0, -1.0, 0.5])], [weights])
    np.testing.assert_allclose(weights, 1 - RATE * np.array([1, -1, 1]), rtol=1e-5)
