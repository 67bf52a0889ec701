"""`Input` messages to strings of tf.Examples."""

from typing import Any

import pytest

from serving.client import protos
from serving.server.requests import plans
from serving.server.status import Code, StatusError


def _example(**features: float) -> Any:
    example = protos.Example()
    for name, value in features.items():
        example.features.feature[name].float_list.value.append(value)
    return example


def _values(content: bytes) -> dict[str, list[float]]:
    features = protos.Example.FromString(content).features.feature
    return {name: list(feature.float_list.value) for name, feature in features.items()}


def test_every_example_is_one_string() -> None:
    message = protos.Input()
    message.example_list.examples.extend([_example(x=1), _example(x=2)])
    rows = plans.serialized_examples(message)
    assert rows.shape == (2,)
    assert [_values(row) for row in rows] == [{"x": [1]}, {"x": [2]}]


def test_context_bytes_stand_in_front_of_each_example() -> None:
    message = protos.Input()
    listed = message.example_list_with_context
    listed.context.CopyFrom(_example(c=7, x=1))
    listed.examples.extend([_example(x=2), _example(y=3)])
    rows = plans.serialized_examples(message)
    assert rows[0].startswith(listed.context.SerializeToString())
    # Merged as protobuf merges: of a feature in both the example's counts.
    merged = [{"c": [7], "x": [2]}, {"c": [7], "x": [1], "y": [3]}]
    assert [_values(row) for row in rows] == merged


@pytest.mark.parametrize("kind", ["", "example_list", "example_list_with_context"])
def test_an_input_without_examples_is_empty(kind: str) -> None:
    message = protos.Input()
    if kind:
        getattr(message, kind).SetInParent()
    with pytest.raises(StatusError) as caught:
        plans.serialized_examples(message)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == "Input is empty."
