"""Which variables a way of fine-tuning trains."""

import math
import re

import keras

from model.adaptation.config import AdaptationConfig, Method
from model.adaptation.low_rank import LOW_RANK
from model.adaptation.prefix import PREFIX
from model.adaptation.prompt import SOFT_PROMPT

_HEAD = r"logits/"
_ADDED = {
    Method.HEAD: _HEAD,
    # The two matrices of a block, and their biases; not those of its attention.
    Method.FEED_FORWARD: rf"{_HEAD}|block_\d+/(intermediate|output)/",
    Method.PREFIX: rf"{_HEAD}|.*[./]{PREFIX}[./]",
    Method.LORA: rf"{_HEAD}|.*\.{LOW_RANK}/",
    Method.PROMPT_TUNING: rf"{SOFT_PROMPT}/",
}


def freeze_others(model: keras.Model, config: AdaptationConfig) -> None:
    """Makes those variables not trainable which the method leaves as they are.

    The step has neither gradients nor optimizer states for them.
    """
    for variable in model.trainable_variables:
        variable.trainable = is_trained(variable.path, config)


def is_trained(path: str, config: AdaptationConfig) -> bool:
    """Whether the method trains the variable with this path."""
    trains_all = config.method in (Method.FULL, Method.PROMPT) or (
        config.method is Method.PROMPT_TUNING and config.train_encoder
    )
    return trains_all or re.match(_ADDED[config.method], path) is not None


def count_trained(model: keras.Model) -> int:
    """Counts the numbers that training changes."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
