"""AdamW, with one fused kernel per variable."""

from typing import Any

import keras
import tensorflow as tf

from model.training.optimizers.update import SummedUpdate


@keras.saving.register_keras_serializable(package="ktp")
class AdamW(SummedUpdate, keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); clips, see `SummedUpdate`.

    The rule is Keras's, in TensorFlow's kernel for it: Keras writes it as a dozen
    operations per variable, which take longer than the arithmetic of a small model.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=_constant(self.beta_1, variable) ** step,
            beta2_power=_constant(self.beta_2, variable) ** step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=_constant(self.beta_1, variable),
            beta2=_constant(self.beta_2, variable),
            epsilon=_constant(self.epsilon, variable),
            grad=tf.cast(gradient, variable.dtype),
        )


def _constant(value: Any, variable: tf.Variable) -> tf.Tensor:
    return tf.constant(value, variable.dtype)
