"""One update from what all replicas learnt: added up, clipped, applied, averaged."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

Multiplier = float | Callable[[Any], Any]
"""A factor, or a schedule: a function from the number of updates to a factor."""


class SummedUpdate(keras.optimizers.Optimizer):
    """A mix-in that stands before one of Keras's optimizers.

    The gradients of all replicas are added up once; a sum longer than
    `summed_clip_norm` is scaled down to it (Pascanu et al. 2013, arXiv 1211.5063,
    section 3.2). Keras clips every replica's share before they are added, so with
    `global_clipnorm` two devices would train differently from one.

    Everything else that belongs to an update happens in the same place, once per
    variable: weight decay, the optimizer's own rule, the moving average of `use_ema`.
    So with `gradient_accumulation_steps` only a true update decays, averages, and is
    counted by the schedule; and both work on several replicas, where Keras 3.15 has
    neither.

    `learning_rate_multipliers` maps a regular expression to a factor of the learning
    rate; the first one that is found in a variable's `path` counts. A factor may be a
    learning-rate schedule, which is asked for the number of updates so far.
    """

    def __init__(
        self,
        *args: Any,
        summed_clip_norm: float = 1.0,
        learning_rate_multipliers: Mapping[str, Multiplier] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.summed_clip_norm = summed_clip_norm
        self.learning_rate_multipliers = dict(learning_rate_multipliers or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if not self.built:
            super().build(variables)
            self._multipliers = [self._multiplier(variable) for variable in variables]

    def get_config(self) -> dict[str, Any]:
        multipliers = {
            pattern: keras.saving.serialize_keras_object(multiplier)
            for pattern, multiplier in self.learning_rate_multipliers.items()
        }
        return super().get_config() | {
            "summed_clip_norm": self.summed_clip_norm,
            "learning_rate_multipliers": multipliers,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "SummedUpdate":
        multipliers = {
            pattern: keras.saving.deserialize_keras_object(multiplier, custom_objects)
            for pattern, multiplier in config["learning_rate_multipliers"].items()
        }
        config = config | {"learning_rate_multipliers": multipliers}
        return super().from_config(config, custom_objects)

    def swap_averages(self) -> None:
        """Gives the model the averaged weights; the second time, its own again."""
        for variable, average in zip(
            self._trainable_variables, self._model_variables_moving_average, strict=True
        ):
            own = keras.ops.convert_to_numpy(variable).copy()
            variable.assign(average)
            average.assign(own)

    def decay(self, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Shrinks a variable: decoupled decay (Loshchilov and Hutter 2019)."""
        if self.decays(variable):
            variable.assign_sub(variable * (learning_rate * self.weight_decay))

    def decays(self, variable: tf.Variable) -> bool:
        """Says whether `weight_decay` is for this variable, too."""
        return bool(self.weight_decay) and self._use_weight_decay(variable)

    def _multiplier(self, variable: keras.Variable) -> Multiplier:
        for pattern, multiplier in self.learning_rate_multipliers.items():
            if re.search(pattern, variable.path):
                return multiplier
        return 1.0

    def _get_current_learning_rate(self) -> Any:
        # Keras asks a schedule for the number of batches, not of updates.
        if isinstance(
            self._learning_rate, keras.optimizers.schedules.LearningRateSchedule
        ):
            return self._learning_rate(self.iterations)
        return super()._get_current_learning_rate()

    # There is nothing for autograph to convert below here, and it takes time.
    @tf.autograph.experimental.do_not_convert
    def _backend_apply_gradients(
        self, grads: Sequence[Any], trainable_variables: Sequence[keras.Variable]
    ) -> None:
        # Dense, because rows of an embedding that occur twice must be added up first.
        dense = [tf.convert_to_tensor(gradient) for gradient in grads]
        variables = [getattr(each, "value", each) for each in trainable_variables]
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._apply_together, self._distribution_strategy, dense, variables
        )

    def _apply_together(
        self,
        strategy: tf.distribute.Strategy,
        gradients: list[Any],
        variables: list[tf.Variable],
    ) -> None:
        """Goes on for all replicas at once: here a condition may hold an update."""
        summed = _summed(strategy, gradients, variables)
        if not self.gradient_accumulation_steps:
            self._update(strategy, summed, variables)
            return
        kept = [
            self._accumulated_gradients[self._get_variable_index(variable)].value
            for variable in variables
        ]
        for accumulator, gradient in zip(kept, summed, strict=True):
            strategy.extended.update(accumulator, _add, args=(gradient,), group=False)
        batches = self.gradient_accumulation_steps
        tf.cond(
            tf.equal(self._iterations.value % batches, batches - 1),
            lambda: self._update(strategy, kept, variables),
            lambda: None,
        )

    def _update(
        self,
        strategy: tf.distribute.Strategy,
        gradients: list[Any],
        variables: list[tf.Variable],
    ) -> None:
        """Takes the mean of what was accumulated, or one step's gradients as they are.

        Accumulators are emptied.
        """
        # The sum is the same on every device.
        local = [strategy.experimental_local_results(each)[0] for each in gradients]
        share = 1 / (self.gradient_accumulation_steps or 1)
        norm = tf.linalg.global_norm(local) * share
        clip = self.summed_clip_norm
        scale = share * clip / tf.maximum(norm, clip)
        learning_rate = tf.convert_to_tensor(self.learning_rate)
        for variable, gradient in zip(variables, gradients, strict=True):
            strategy.extended.update(
                variable,
                self._update_one,
                args=(gradient, scale, learning_rate),
                group=False,
            )

    def _update_one(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        scale: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> None:
        index = self._get_variable_index(variable)
        multiplier = self._multipliers[index]
        if callable(multiplier):
            multiplier = multiplier(self.iterations)
        if not isinstance(multiplier, float) or multiplier != 1.0:
            learning_rate = learning_rate * multiplier
        self.decay(variable, learning_rate)
        self.update_step(gradient * scale, variable, learning_rate)
        if isinstance(gradient, tf.Variable):  # It accumulates.
            gradient.assign(tf.zeros_like(gradient))
        if self.use_ema:
            self._average(variable, self._model_variables_moving_average[index].value)

    def _average(self, variable: tf.Variable, average: tf.Variable) -> None:
        """The first average is the first weights, as in Keras."""
        share = 1.0 - self.ema_momentum * tf.cast(self.iterations != 0, tf.float32)
        average.assign_add((variable - average) * tf.cast(share, variable.dtype))

    def _update_model_variables_moving_average(
        self, trainable_variables: Sequence[keras.Variable]
    ) -> None:
        """Does nothing: `_update_one` did."""


def _summed(
    strategy: tf.distribute.Strategy,
    gradients: list[Any],
    variables: list[tf.Variable],
) -> list[Any]:
    if strategy.num_replicas_in_sync == 1:
        return gradients
    pairs = list(zip(gradients, variables, strict=True))
    return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)


def _add(accumulator: tf.Variable, gradient: tf.Tensor) -> None:
    accumulator.assign_add(tf.cast(gradient, accumulator.dtype))
