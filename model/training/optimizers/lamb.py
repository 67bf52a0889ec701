"""LAMB, as it was published."""

import keras
import tensorflow as tf

from model.training.optimizers.update import SummedUpdate


@keras.saving.register_keras_serializable(package="ktp")
class Lamb(SummedUpdate, keras.optimizers.Lamb):
    """LAMB (You et al. 2020, arXiv 1904.00962, algorithm 2), for very large batches.

    Keras 3.15 decays the weights beside the update, as AdamW does. In the paper the
    decay is part of the update whose length the trust ratio sets: without that, a layer
    with a small ratio decays much faster than it learns. And as in the authors' code,
    what is excluded from the decay (biases, normalisations) has no trust ratio: it
    starts at 0, or at 1 whatever it should learn.
    """

    def decay(self, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Does nothing: `update_step` does."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        mean, square = self._momentums[index].value, self._velocities[index].value
        mean.assign_add((gradient - mean) * (1 - self.beta_1))
        square.assign_add((tf.square(gradient) - square) * (1 - self.beta_2))
        update = (mean / (1 - self.beta_1**step)) / (
            tf.sqrt(square / (1 - self.beta_2**step)) + self.epsilon
        )
        if self.decays(variable):
            update += self.weight_decay * variable
        if self._use_weight_decay(variable):
            learning_rate = learning_rate * _trust_ratio(variable, update)
        variable.assign_sub(learning_rate * update)


def _trust_ratio(variable: tf.Variable, update: tf.Tensor) -> tf.Tensor:
    """Divides the length of the weights by that of the update; 1 where one is 0."""
    weights, change = tf.norm(variable), tf.norm(update)
    ratio = tf.math.divide_no_nan(weights, change)
    return tf.where((weights > 0) & (change > 0), ratio, tf.ones_like(ratio))
