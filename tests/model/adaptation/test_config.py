"""Settings of fine-tuning: bad ones are refused with what is allowed."""

from typing import Any

import pytest

from model.adaptation.config import (
    AdaptationConfig,
    LoraMatrix,
    Method,
    learning_rate,
)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"method": "adapters"}, "full, head, feed_forward, prefix, prompt,"),
        ({"layer_decay": 1.5}, "above 0, at most 1"),
        ({"lora_matrices": "query;value"}, "of query, key, value, output, feed_forw"),
        ({"lora_matrices": ""}, "a text that is not empty"),
        ({"template": "It was {mask}."}, "{text} once and {mask} once"),
        ({"template": "{text} {mask} {mask}"}, "{text} once and {mask} once"),
        ({"verbalizer": "good=great"}, "a JSON object from labels to words"),
        ({"verbalizer": '["great"]'}, "a JSON object"),
        ({"verbalizer": '{"good": []}'}, "a JSON object"),
        ({"verbalizer": '{"good": [""]}'}, "a JSON object"),
        ({"verbalizer": '{"good": 1}'}, "a JSON object"),
        ({"method": "lora", "unfreeze_epochs": 1}, "is lora; unfreezing is for"),
    ],
)
def test_bad_settings_are_refused_with_what_is_allowed(
    settings: dict[str, Any], told: str
):
    with pytest.raises(ValueError, match="adaptation\\.") as caught:
        AdaptationConfig(**settings)
    assert told in str(caught.value)


def test_matrices_are_named_with_commas():
    config = AdaptationConfig(lora_matrices="query, value")
    assert config.matrices == {LoraMatrix.QUERY, LoraMatrix.VALUE}
    assert AdaptationConfig().matrices == set(LoraMatrix)


def test_a_label_has_one_word_or_several():
    config = AdaptationConfig(verbalizer='{"good": ["great", "fine"], "bad": "awful"}')
    assert config.words == {"good": ("great", "fine"), "bad": ("awful",)}


def test_fewer_trained_weights_take_larger_steps():
    rates = {m: learning_rate(AdaptationConfig(method=m)) for m in Method}
    assert rates[Method.FULL] is None
    assert rates[Method.FEED_FORWARD] < rates[Method.LORA] < rates[Method.HEAD]


def test_the_encoder_beside_a_prompt_is_trained_with_its_own_rate():
    both = AdaptationConfig(method="prompt_tuning", train_encoder=True)
    assert learning_rate(both) == learning_rate(AdaptationConfig(method="prompt"))
