"""Adafactor, with the small memory that it is for."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.training.optimizers.update import SummedUpdate


@keras.saving.register_keras_serializable(package="ktp")
class Adafactor(SummedUpdate, keras.optimizers.Adafactor):
    """Adafactor (Shazeer and Stern 2018, arXiv 1804.04235, algorithm 4).

    The learning rate is relative to the size of the weights, so it is larger than that
    of the others.

    Keras 3.15 keeps the product of row and column means of every matrix as a variable
    of the matrix's size, which is as much memory as the method saves; here it is
    computed and forgotten. And it bounds the learning rate by `1 / sqrt(step)` even
    where a schedule gives it; here the schedule alone decides.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        keras.optimizers.Optimizer.build(self, variables)
        self._multipliers = [self._multiplier(variable) for variable in variables]
        self._means = [self._added_means(variable) for variable in variables]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        step = tf.cast(self.iterations + 1, variable.dtype)
        kept = 1 - tf.pow(step, self.beta_2_decay)
        square = tf.square(gradient) + self.epsilon_1
        means = self._means[self._get_variable_index(variable)]
        for mean, axis in zip(means, _axes(variable), strict=True):
            new = square if axis is None else tf.reduce_mean(square, axis=axis)
            mean.value.assign(kept * mean.value + (1 - kept) * new)
        update = gradient * tf.math.rsqrt(_second_moment(means))
        update /= tf.maximum(1.0, _root_mean_square(update) / self.clip_threshold)
        size = tf.maximum(self.epsilon_2, _root_mean_square(variable))
        variable.assign_sub(learning_rate * size * update)

    def _added_means(self, variable: keras.Variable) -> list[keras.Variable]:
        """Adds the mean squares of rows and of columns; of a vector, of each number."""
        shape = tuple(variable.shape)
        shapes = {None: shape, -1: shape[:-1], -2: (*shape[:-2], *shape[-1:])}
        return [
            self.add_variable(shapes[axis], dtype=variable.dtype, name="mean_square")
            for axis in _axes(variable)
        ]


def _axes(variable: Any) -> tuple[int | None, ...]:
    return (-1, -2) if len(variable.shape) > 1 else (None,)


def _second_moment(means: list[keras.Variable]) -> tf.Tensor:
    rows = means[0].value
    if len(means) == 1:
        return tf.convert_to_tensor(rows)
    shares = rows / tf.reduce_mean(rows, axis=-1, keepdims=True)
    return shares[..., tf.newaxis] * means[1].value[..., tf.newaxis, :]


def _root_mean_square(values: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(values)))
