"""Builds the optimizer that the settings ask for."""

from collections.abc import Mapping

import keras

from model.config import Optimizer, TrainingConfig
from model.training.optimizers.adafactor import Adafactor
from model.training.optimizers.adamw import AdamW
from model.training.optimizers.adamw_8bit import AdamW8bit
from model.training.optimizers.lamb import Lamb
from model.training.optimizers.update import Multiplier, SummedUpdate
from model.training.schedule import build_schedule

_CLASSES: dict[Optimizer, type[SummedUpdate]] = {
    Optimizer.ADAMW: AdamW,
    Optimizer.ADAMW_8BIT: AdamW8bit,
    Optimizer.LAMB: Lamb,
    Optimizer.ADAFACTOR: Adafactor,
}
_NOT_DECAYED = ["bias", "gamma", "beta"]
"""Parts of the names of variables that a decay would only hurt."""


def build_optimizer(
    config: TrainingConfig,
    total_steps: int,
    *,
    dtype: str = "float32",
    learning_rate_multipliers: Mapping[str, Multiplier] | None = None,
) -> keras.optimizers.Optimizer:
    """Builds the optimizer for a training of `total_steps` batches.

    Args:
        config: its optimizer, its schedule, and what they take.
        total_steps: of the whole training; the schedule ends there.
        dtype: a Keras dtype policy; with `mixed_float16` the loss is scaled.
        learning_rate_multipliers: patterns of variables' paths to factors of their
            learning rate: see `SummedUpdate`.

    Raises:
        ValueError: The training would end before its first update.
    """
    batches = config.gradient_accumulation_steps
    if batches > total_steps:
        raise ValueError(
            f"training.gradient_accumulation_steps is {batches}, and the whole "
            f"training has {total_steps} batches, so nothing would be learnt; allowed: "
            f"at most {total_steps}."
        )
    optimizer = _CLASSES[config.optimizer](
        build_schedule(config, total_steps // batches),
        weight_decay=config.weight_decay,
        summed_clip_norm=config.clip_norm,
        gradient_accumulation_steps=batches if batches > 1 else None,
        use_ema=config.ema_momentum > 0,
        ema_momentum=config.ema_momentum,
        learning_rate_multipliers=learning_rate_multipliers,
    )
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if dtype == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
