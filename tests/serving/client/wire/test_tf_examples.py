"""tf.Examples from plain values."""

from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire.tensors import CodecError
from serving.client.wire.tf_examples import serialize


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
