"""One JSON value to one tensor: types, ranges, strings and base64."""

from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from serving.client import protos
from serving.server.json_format import tensor
from serving.server.status import Code, StatusError
from tests.support.serving.server.json_bodies import infos_of, parse

TYPES = protos.enum(protos.DATA_TYPE)


def _x(body: Any, dtype: str) -> np.ndarray:
    return parse(body, infos_of(x=dtype)).inputs["x"]


@pytest.mark.parametrize(
    "dtype, values",
    [
        ("DT_INT32", [-(2**31), 2**31 - 1]),
        ("DT_INT64", [-(2**63), 2**63 - 1]),
        ("DT_UINT32", [0, 2**32 - 1]),
        ("DT_UINT64", [0, 2**64 - 1]),
        ("DT_INT16", [-5, 5]),
        ("DT_INT8", [-5, 5]),
        ("DT_UINT8", [0, 255]),
        ("DT_BOOL", [True, False]),
        ("DT_DOUBLE", [1, 0.1]),
    ],
)
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_every_type_takes_its_range(dtype: str, values: list[Any], key: str) -> None:
    assert _x({key: values}, dtype).tolist() == values


def test_narrow_integers_wrap_within_int32() -> None:
    assert _x({"instances": [300, -1]}, "DT_UINT8").tolist() == [44, 255]


def test_numbers_beyond_float_become_infinite() -> None:
    assert _x({"instances": [1e300, -1e300]}, "DT_FLOAT").tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    "item, expected",
    [
        ("größe", "größe".encode()),
        ({"b64": "/+8="}, b"\xff\xef"),
        ({"b64": "/+8"}, b"\xff\xef"),
        ({"b64": ""}, b""),
    ],
)
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_strings_are_utf8_or_base64(item: Any, expected: bytes, key: str) -> None:
    assert _x({key: [item, "a"]}, "DT_STRING").tolist() == [expected, b"a"]


@pytest.mark.parametrize(
    "dtype, value, kind",
    [
        ("DT_INT32", 1.0, "Number"),
        ("DT_INT32", 2**31, "Number"),
        ("DT_INT8", True, "True"),
        ("DT_UINT32", -1, "Number"),
        ("DT_UINT64", 2**64, "Number"),
        ("DT_INT64", 2**63, "Number"),
        ("DT_BOOL", 1, "Number"),
        ("DT_FLOAT", "x", "String"),
        ("DT_FLOAT", True, "True"),
        ("DT_FLOAT", None, "Null"),
        ("DT_STRING", 1, "Number"),
        ("DT_STRING", False, "False"),
        ("DT_DOUBLE", {"b64": "YQ=="}, "Object"),
    ],
)
def test_a_value_of_another_type_is_named(dtype: str, value: Any, kind: str) -> None:
    with pytest.raises(StatusError) as caught:
        _x({"inputs": [value]}, dtype)
    name = dtype.removeprefix("DT_").lower()
    assert f" Type: {kind} is not of expected type: {name}" in caught.value.message


@pytest.mark.parametrize(
    "text, content",
    [
        ("", b""),
        ("QQ==", b"A"),
        ("QQ", b"A"),
        ("Q Q\n==", b"A"),
        ("+/8=", b"\xfb\xff"),
        ("QUI.", b"AB"),
    ],
)
def test_base64_takes_the_standard_alphabet_with_or_without_padding(
    text: str, content: bytes
) -> None:
    assert _x({"inputs": [{"b64": text}]}, "DT_STRING").tolist() == [content]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("_-8=", "the character '_' at position 0 is of the URL-safe alphabet"),
        ("QQ=a", "the character '=' at position 2"),
        ("QQé=", "the character 'é' at position 2"),
        ("QUJDQ", "5 characters are no whole number of bytes"),
        ("QQ=", "the padding must be '==' or nothing"),
    ],
)
def test_bad_base64_says_which_item_and_which_alphabet(text: str, reason: str) -> None:
    with pytest.raises(StatusError) as caught:
        _x({"inputs": [["a"], [{"b64": text}]]}, "DT_STRING")
    assert caught.value.message == (
        f"Unable to base64 decode: value 1 of the tensor, {reason}. The standard "
        "alphabet is expected: A-Z, a-z, 0-9, '+' and '/'."
    )


def test_bad_base64_in_a_row_says_which_row() -> None:
    with pytest.raises(StatusError) as caught:
        _x({"instances": ["a", {"b64": "-"}]}, "DT_STRING")
    assert caught.value.message.startswith(
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Unable to base64 decode"
    )


@pytest.mark.parametrize("dtype", ["DT_HALF", "DT_BFLOAT16", "DT_COMPLEX64"])
def test_types_without_json_are_not_implemented(dtype: str) -> None:
    with pytest.raises(StatusError) as caught:
        _x({"inputs": [1]}, dtype)
    assert caught.value.code is Code.UNIMPLEMENTED
    name = dtype.removeprefix("DT_").lower()
    assert caught.value.message == f"Conversion of JSON Value: 1 to type: {name}"


LEAVES = strategies.sampled_from([0, 1, -1, 300, 2**40, 1.5, True, "a", None])
NESTED = strategies.recursive(
    LEAVES, lambda inner: strategies.lists(inner, max_size=3), max_leaves=8
)
REGULAR = strategies.integers(1, 3).flatmap(
    lambda size: strategies.lists(
        strategies.lists(LEAVES, min_size=size, max_size=size), min_size=1, max_size=3
    )
)


@hypothesis.given(
    strategies.lists(NESTED, min_size=1, max_size=4) | REGULAR,
    strategies.sampled_from(
        ["DT_FLOAT", "DT_INT32", "DT_UINT8", "DT_STRING", "DT_BOOL"]
    ),
)
def test_the_fast_way_and_the_exact_way_agree(items: list[Any], dtype: str) -> None:
    number = TYPES.Value(dtype)
    fast = tensor.try_fast(items, number)
    if fast is None:
        return
    builder = tensor.RowBuilder(number)
    for item in items:
        builder.add(item)
    np.testing.assert_array_equal(fast, builder.tensor())
    assert fast.dtype == builder.tensor().dtype
