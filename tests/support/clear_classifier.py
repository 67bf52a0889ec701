"""A small untrained classifier whose answers are far from a tie."""

import keras

from model.config import ModelConfig
from model.encoder import build_classifier


def clear_classifier(
    config: ModelConfig, *, seed: int, weight_factor: float
) -> keras.Model:
    """Builds the classifier with all its matrices made larger, so that it is sure."""
    keras.utils.set_random_seed(seed)
    model = build_classifier(config)
    for weight in model.trainable_weights:
        if len(weight.shape) == 2:
            weight.assign(weight_factor * weight.value)
    return model
