"""How the learning rate moves during training."""

import math
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="ktp")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from near 0 to `peak`, then falls along half a cosine to 0.

    Loshchilov and Hutter 2017 (arXiv 1608.03983), one period without restarts.
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                f"warmup_steps is {warmup_steps} and total_steps is {total_steps}; "
                "the first must be at least 0 and below the second."
            )
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        step = keras.ops.cast(step, "float32")
        rising = (step + 1.0) / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        falling = 0.5 * (
            1.0 + keras.ops.cos(math.pi * keras.ops.clip(progress, 0.0, 1.0))
        )
        return self.peak * keras.ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }
