"""What one update does with the gradients of all replicas, whatever the optimizer."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.config import Optimizer, Schedule, TrainingConfig
from model.training.optimizers.adamw import AdamW
from model.training.optimizers.build import build_optimizer

EVERY = list(Optimizer)


def moments_after(gradients: list[tf.Tensor], clip_norm: float) -> list[np.ndarray]:
    """First moments of one step; they are 0.1 times the clipped gradient."""
    weights = [keras.Variable(np.zeros(g.shape, "float32")) for g in gradients]
    optimizer = AdamW(1e-3, summed_clip_norm=clip_norm)
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


class Training:
    """A matrix that 8 bits are worth for, a bias, and gradients that repeat."""

    def __init__(self, kind: Optimizer, steps: int = 12, **settings: Any) -> None:
        numbers = np.random.default_rng(0)
        self.weights = keras.Variable(
            numbers.normal(size=(64, 80)), dtype="float32", name="kernel"
        )
        self.gradients = numbers.normal(size=(steps, 64, 80)).astype("float32")
        self.bias = keras.Variable(np.zeros(80), dtype="float32", name="bias")
        config = TrainingConfig(optimizer=kind, learning_rate=0.01, **settings)
        self.optimizer = build_optimizer(config, steps)

    def step(self, gradient: Any) -> None:
        dense = tf.convert_to_tensor(gradient)
        gradients = [gradient, tf.reduce_sum(dense, 0)]
        self.optimizer.apply(gradients, [self.weights, self.bias])

    def run(self, per_update: int = 1) -> np.ndarray:
        """Takes each gradient `per_update` times, in parts whose mean it is."""
        history = []
        for gradient in self.gradients:
            for part in range(per_update):
                change = 1.0 + (part - (per_update - 1) / 2)
                self.step(tf.constant(gradient * change))
            history.append(np.array(self.weights))
        return np.stack(history)


@pytest.mark.parametrize("kind", EVERY)
def test_accumulated_batches_are_one_batch_of_all(kind: Optimizer) -> None:
    whole = Training(kind, steps=4, ema_momentum=0.5).run()
    # Twelve batches, but the schedule is that of four updates.
    parts = Training(kind, steps=12, ema_momentum=0.5, gradient_accumulation_steps=3)
    parts.gradients = parts.gradients[:4]
    np.testing.assert_allclose(parts.run(per_update=3), whole, atol=1e-6)


@pytest.mark.parametrize("kind", EVERY)
def test_moving_average_is_that_of_the_weights(kind: Optimizer) -> None:
    training = Training(kind, ema_momentum=0.75)
    expected, *later = training.run()
    for weights in later:
        expected = 0.75 * expected + 0.25 * weights
    average = training.optimizer._model_variables_moving_average[0]
    np.testing.assert_allclose(np.array(average), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", EVERY)
def test_multiplier_is_of_the_learning_rate_of_the_variables_it_names(
    kind: Optimizer,
) -> None:
    training = Training(kind, steps=1)
    start = np.array(training.weights)
    training.optimizer.learning_rate_multipliers = {"kern": 0.5}
    half = training.run()[0] - start
    np.testing.assert_allclose(
        half, (Training(kind, steps=1).run()[0] - start) / 2, atol=1e-6
    )


def test_multiplier_may_change_with_the_updates() -> None:
    from_second = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.0, 1.0])
    training = Training(Optimizer.ADAMW, steps=2)
    start = np.array(training.weights)
    training.optimizer.learning_rate_multipliers = {"kernel": from_second}
    first, second = training.run()
    np.testing.assert_array_equal(first, start)
    assert np.abs(second - start).max() > 0


@pytest.mark.parametrize("kind", EVERY)
def test_optimizer_survives_saving(kind: Optimizer) -> None:
    config = TrainingConfig(
        optimizer=kind,
        schedule=Schedule.POLYNOMIAL,
        clip_norm=0.5,
        gradient_accumulation_steps=2,
        ema_momentum=0.9,
    )
    optimizer = build_optimizer(config, 10, learning_rate_multipliers={"a": 0.5})
    saved = keras.saving.serialize_keras_object(optimizer)
    twin = keras.saving.deserialize_keras_object(saved)
    assert saved["registered_name"].startswith("ktp>")
    assert twin.get_config() == optimizer.get_config()
    assert twin.summed_clip_norm == 0.5


@pytest.mark.parametrize("kind", EVERY)
def test_compiled_training_is_eager_training(kind: Optimizer) -> None:
    eager, compiled, xla = (Training(kind, steps=4) for _ in range(3))
    for training in (compiled, xla):
        training.optimizer.build([training.weights, training.bias])
    compiled.step = tf.function(compiled.step)
    xla.step = tf.function(xla.step, jit_compile=True)
    expected = eager.run()
    np.testing.assert_allclose(compiled.run(), expected, atol=1e-5)
    np.testing.assert_allclose(xla.run(), expected, atol=1e-4)


def test_training_that_would_end_before_its_first_update_is_refused() -> None:
    config = TrainingConfig(gradient_accumulation_steps=11)
    with pytest.raises(ValueError, match="is 11, and the whole training has 10"):
        build_optimizer(config, 10)
