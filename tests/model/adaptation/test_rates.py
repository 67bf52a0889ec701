"""Layers far below the head learn more slowly, or later."""

import re
from typing import Any

import keras
import pytest

from model.adaptation.config import AdaptationConfig
from model.adaptation.rates import Unfreezing, learning_rate_multipliers
from model.config import ModelConfig
from model.encoder import build_classifier

MODEL = ModelConfig(
    vocabulary_size=30,
    num_classes=3,
    hidden_dim=8,
    num_layers=12,
    num_heads=2,
    intermediate_dim=12,
)


def multiplier_of(path: str, **settings: Any) -> Any:
    """What an optimizer takes: the first pattern that is found."""
    config = AdaptationConfig(**settings)
    found = learning_rate_multipliers(config, MODEL.num_layers, updates_per_epoch=10)
    return next(each for key, each in found.items() if re.search(key, path))


def test_layers_that_are_trained_alike_have_no_multipliers():
    assert learning_rate_multipliers(AdaptationConfig(), 12, 10) == {}


@pytest.mark.parametrize(
    ("path", "depth"),
    [
        ("logits/kernel", 0),
        ("final_norm/gamma", 0),
        ("block_11/attention/output/kernel", 1),
        ("block_1/attention/output/kernel", 11),
        ("block_1.attention.output.low_rank/up_0", 11),
        ("block_0/intermediate/bias", 12),
        ("token_embedding/embeddings", 13),
        ("position_embedding/positions", 13),
    ],
)
def test_the_rate_decays_once_for_every_layer_below_the_head(path: str, depth: int):
    assert multiplier_of(path, layer_decay=0.8) == pytest.approx(0.8**depth)


def test_layers_join_from_the_top_one_after_the_other():
    def first_update(path: str) -> int:
        return multiplier_of(path, unfreeze_epochs=2).first_update

    assert multiplier_of("logits/kernel", unfreeze_epochs=2) == 1.0
    assert first_update("block_11/intermediate/kernel") == 20
    assert first_update("block_0/intermediate/kernel") == 240
    assert first_update("token_embedding/embeddings") == 260


def test_a_layer_is_still_until_its_first_update():
    joined = Unfreezing(0.5, 20)
    assert [float(joined(step)) for step in (0, 19, 20, 999)] == [0, 0, 0.5, 0.5]
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(joined)
    )
    assert float(twin(20)) == 0.5


def test_every_variable_of_a_classifier_is_at_its_depth():
    decayed = {
        variable.path: multiplier_of(variable.path, layer_decay=0.5)
        for variable in build_classifier(MODEL).trainable_variables
    }
    slowest = {path for path, factor in decayed.items() if factor == 0.5**13}
    assert {path.partition("/")[0] for path in slowest} == {
        "token_embedding",
        "position_embedding",
    }
    assert {p.partition("/")[0] for p, f in decayed.items() if f == 1} == {
        "logits",
        "final_norm",
    }
