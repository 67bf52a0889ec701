"""How the learning rate moves during training."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import keras

from model.config import Schedule, TrainingConfig

_LearningRateSchedule: TypeAlias = keras.optimizers.schedules.LearningRateSchedule


def build_schedule(
    config: TrainingConfig, total_updates: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Builds the schedule that the settings ask for.

    It rises linearly for `warmup_fraction` of all updates, then does what `schedule`
    names; all but `piecewise_constant` end at 0.
    """
    warmup_updates = int(config.warmup_fraction * total_updates)
    falling = _FALLING[config.schedule](config, total_updates - warmup_updates)
    return Warmup(config.learning_rate, warmup_updates, falling)


@keras.saving.register_keras_serializable(package="ktp")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak`, then does what another schedule says.

    The first step already has a rate above 0; keras's own warm-up, which CosineDecay
    alone has, wastes that step. `then` counts its steps from the end of the warm-up.
    """

    def __init__(
        self, peak: float, warmup_steps: int, then: _LearningRateSchedule
    ) -> None:
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps is {warmup_steps}; allowed: 0 or more.")
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.then = then

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        step = keras.ops.cast(step, "float32")
        rising = self.peak * (step + 1.0) / max(self.warmup_steps, 1)
        falling = self.then(keras.ops.maximum(step - self.warmup_steps, 0.0))
        return keras.ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "then": keras.saving.serialize_keras_object(self.then),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        then = keras.saving.deserialize_keras_object(config["then"])
        return cls(**config | {"then": then})


def _cosine(config: TrainingConfig, updates: int) -> _LearningRateSchedule:
    """Half a cosine: Loshchilov and Hutter 2017, arXiv 1608.03983, no restarts."""
    return keras.optimizers.schedules.CosineDecay(config.learning_rate, updates)


def _linear(config: TrainingConfig, updates: int) -> _LearningRateSchedule:
    return keras.optimizers.schedules.PolynomialDecay(
        config.learning_rate, updates, end_learning_rate=0.0
    )


def _polynomial(config: TrainingConfig, updates: int) -> _LearningRateSchedule:
    """LAMB's: You et al. 2020, arXiv 1904.00962, section 4."""
    return keras.optimizers.schedules.PolynomialDecay(
        config.learning_rate,
        updates,
        end_learning_rate=0.0,
        power=config.decay_power,
    )


def _piecewise_constant(config: TrainingConfig, updates: int) -> _LearningRateSchedule:
    """Phases of one length, each lower than the last by one factor."""
    phases = range(config.constant_phases)
    # Keras's boundary is the last step of a phase.
    lasts = [math.ceil(updates * end / len(phases)) - 1.0 for end in phases[1:]]
    rates = [config.learning_rate * config.phase_factor**phase for phase in phases]
    return keras.optimizers.schedules.PiecewiseConstantDecay(lasts, rates)


_FALLING: dict[Schedule, Callable[[TrainingConfig, int], _LearningRateSchedule]] = {
    Schedule.COSINE: _cosine,
    Schedule.LINEAR: _linear,
    Schedule.PIECEWISE_CONSTANT: _piecewise_constant,
    Schedule.POLYNOMIAL: _polynomial,
}
