"""How much more slowly, and from when on, the layers far below the head are trained."""

from typing import Any

import keras

from model.adaptation.config import AdaptationConfig

_TOP = "^(logits|mask_transform|mask_norm|soft_prompt|final_norm)/"
_EVERYTHING_ELSE = ""
"""The embeddings. As a pattern it is found in each path, so it comes last."""


@keras.saving.register_keras_serializable(package="ktp")
class Unfreezing(keras.optimizers.schedules.LearningRateSchedule):
    """0 until an update, `factor` from it on."""

    def __init__(self, factor: float, first_update: int) -> None:
        self.factor = factor
        self.first_update = first_update

    def __call__(self, step: Any) -> Any:
        is_trained = keras.ops.cast(step >= self.first_update, "float32")
        return is_trained * self.factor

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "first_update": self.first_update}


def learning_rate_multipliers(
    config: AdaptationConfig, num_layers: int, updates_per_epoch: int
) -> dict[str, float | Unfreezing]:
    """Maps patterns of variables' paths to a factor of their learning rate.

    The first pattern that is found counts. A layer's depth is 0 at the head, 1 at the
    highest block, `num_layers + 1` at the embeddings. The decay is that of ELECTRA's
    fine-tuning (Clark et al. 2020, arXiv 2003.10555), the unfreezing that of Howard
    and Ruder 2018 (arXiv 1801.06146, section 3.3): a layer that is not unfrozen yet
    has a factor of 0, which no weight decay moves either.

    Returns:
        Nothing, where all layers are trained alike.
    """
    if config.layer_decay == 1 and not config.unfreeze_epochs:
        return {}
    depths = {_TOP: 0}
    depths |= {rf"^block_{i}[/.]": num_layers - i for i in range(num_layers)}
    depths[_EVERYTHING_ELSE] = num_layers + 1
    wait = config.unfreeze_epochs * updates_per_epoch
    return {
        pattern: _multiplier(config.layer_decay**depth, depth * wait)
        for pattern, depth in depths.items()
    }


def _multiplier(factor: float, first_update: int) -> float | Unfreezing:
    return Unfreezing(factor, first_update) if first_update else factor
