"""tf.Examples from plain values."""

from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire.tensors import CodecError
from serving.client.wire.tf_examples import checked, serialize


def features(example: Any) -> dict[str, tuple[str, list[Any]]]:
    """Kind and values of every feature, read back."""
    message = protos.Example.FromString(serialize(example))
    return {
        name: (kind, list(getattr(one, kind).value))
        for name, one in message.features.feature.items()
        for kind in [one.WhichOneof("kind")]
    }


@pytest.mark.parametrize(
    "value, kind, values",
    [
        (3, "int64_list", [3]),
        (True, "int64_list", [1]),
        (0.5, "float_list", [0.5]),
        ("ö", "bytes_list", ["ö".encode()]),
        (b"\xff", "bytes_list", [b"\xff"]),
        (["a", b"b"], "bytes_list", [b"a", b"b"]),
        ((1, 2), "int64_list", [1, 2]),
        (np.float32([0.5, 2]), "float_list", [0.5, 2]),
        (np.int32(7), "int64_list", [7]),
        ([np.float64(0.5)], "float_list", [0.5]),
        (np.array(["a", "b"]), "bytes_list", [b"a", b"b"]),
        ([], "bytes_list", []),
    ],
)
def test_a_value_becomes_the_feature_tf_serving_s_json_would_make(
    value: Any, kind: str, values: list[Any]
) -> None:
    assert features({"x": value}) == {"x": (kind, values)}


@pytest.mark.parametrize("value", [[1, 0.5], [1, "a"], [[1]], None, {"b64": "aa"}])
def test_what_is_not_a_feature_is_refused_by_name(value: Any) -> None:
    with pytest.raises(CodecError, match="Feature 'x' holds"):
        serialize({"x": value})


def test_bytes_and_messages_are_sent_as_they_are() -> None:
    message = protos.Example()
    message.features.feature["x"].int64_list.value.append(1)
    raw = message.SerializeToString()
    assert serialize(raw) is raw
    assert serialize(message) == raw


@pytest.mark.parametrize(
    "example, complaint",
    [
        ({"x": 2**63}, "Feature 'x' holds an int beyond 64 bits"),
        ({"x": [1, -(2**63) - 1]}, "Feature 'x' holds an int beyond 64 bits"),
        ({3: 1.0}, "A feature's name is of type int"),
        ({b"x": 1.0}, "A feature's name is of type bytes"),
        ({"x\ud800": 1.0}, r"The name of a feature .*lone surrogate U\+D800"),
        (b"no example\xff", "this bytes is no serialised tf.Example"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place(
    example: Any, complaint: str
) -> None:
    with pytest.raises(CodecError, match=rf"examples\[4\]: {complaint}") as caught:
        checked(example, "examples[4]")
    assert str(2**63) not in str(caught.value)


@pytest.mark.parametrize("example", [None, "x", 3, ["x"]])
def test_what_is_no_example_is_named_with_its_type(example: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"context is of type {type(example).__name__}"
    ):
        checked(example, "context")


def test_an_example_in_any_form_is_serialised() -> None:
    message = protos.Example.FromString(serialize({"x": 1}))
    forms = [{"x": 1}, message, serialize({"x": 1})]
    assert {checked(form, "x") for form in forms} == {serialize({"x": 1})}
