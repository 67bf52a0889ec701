"""REST bodies to tensors: upstream's rules and words, row by row."""

from typing import Any

import numpy as np
import pytest

from serving.server.json_format import predict_body
from serving.server.json_format.ragged import HINT
from serving.server.status import Code, StatusError
from tests.support.serving.server.json_bodies import (
    ONE_FLOAT,
    TWO_FLOATS,
    infos_of,
    parse,
)


@pytest.mark.parametrize(
    "instances, expected",
    [
        ([1, 2.5], [1, 2.5]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([[[1], [2]]], [[[1], [2]]]),
        ([{"x": 1}, {"x": 2}], [1, 2]),
        ([[], []], np.zeros((2, 0))),
    ],
)
def test_rows_are_batched(instances: list[Any], expected: Any) -> None:
    parsed = parse({"instances": instances}, ONE_FLOAT)
    assert parsed.is_row
    np.testing.assert_array_equal(parsed.inputs["x"], expected)
    assert parsed.inputs["x"].dtype == np.float32


def test_named_rows_give_every_input() -> None:
    body = {"instances": [{"a": [1, 2], "b": 3}, {"b": 6, "a": [4, 5]}]}
    inputs = parse(body, TWO_FLOATS).inputs
    np.testing.assert_array_equal(inputs["a"], [[1, 2], [4, 5]])
    np.testing.assert_array_equal(inputs["b"], [3, 6])


@pytest.mark.parametrize("inputs", [[1, 2], {"x": [1, 2]}, {"x": [1, 2], "extra": 1}])
def test_columns_are_whole_tensors(inputs: Any) -> None:
    parsed = parse({"inputs": inputs}, ONE_FLOAT)
    assert not parsed.is_row
    np.testing.assert_array_equal(parsed.inputs["x"], [1, 2])


def test_an_input_named_b64_still_takes_base64() -> None:
    parsed = parse({"instances": [{"b64": "/w=="}]}, infos_of(b64="DT_STRING"))
    assert parsed.inputs["b64"].tolist() == [b"\xff"]


def test_columns_need_no_common_batch_and_may_be_scalars() -> None:
    inputs = parse({"inputs": {"a": 1, "b": [1, 2]}}, TWO_FLOATS).inputs
    assert (inputs["a"].shape, inputs["b"].shape) == ((), (2,))


def test_the_signature_is_named_in_the_body() -> None:
    assert parse({"signature_name": "s", "inputs": 1}, ONE_FLOAT).signature_name == "s"


ELEMENT = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "


@pytest.mark.parametrize(
    "body, infos, message",
    [
        ([1, 2], ONE_FLOAT, "JSON Value: [1, 2] Is not object"),
        ({}, ONE_FLOAT, "Missing 'inputs' or 'instances' key"),
        (
            {"instances": [1], "inputs": [1]},
            ONE_FLOAT,
            'JSON Value: {\n    "instances": [1],\n    "inputs": [1]\n} Not formatted '
            "correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            {"instances": 1},
            ONE_FLOAT,
            'JSON Value: {\n    "instances": 1\n} '
            "Expecting 'instances' to be an list/array",
        ),
        (
            {"instances": []},
            ONE_FLOAT,
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        (
            {"signature_name": 100},
            ONE_FLOAT,
            'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
        ),
        (
            {"signature_name": "s", "inputs": 1},
            {},
            "Failed to get input map for signature: s",
        ),
        ({"inputs": 1}, {}, "Failed to get input map for signature: DEFAULT"),
        (
            {"instances": ["x"]},
            ONE_FLOAT,
            ELEMENT.format(0)
            + 'JSON Value: "x" Type: String is not of expected type: float',
        ),
        (
            {"instances": [[1, 2, 3], [1, 2]]},
            ONE_FLOAT,
            ELEMENT.format(1) + "Expecting tensor size: 3 but got: 2" + HINT,
        ),
        (
            {"instances": [[[1, 2], [3, 4]], [1, 2, 3, 4]]},
            ONE_FLOAT,
            ELEMENT.format(1) + "Expecting shape [2,2] but got: [4]",
        ),
        (
            {"instances": [[[1, 2], [3]]]},
            ONE_FLOAT,
            ELEMENT.format(0)
            + "Encountered list at unexpected size: 1 at level: 1 expected size: 2"
            + HINT,
        ),
        (
            {"instances": [[[1, 2], 3]]},
            ONE_FLOAT,
            ELEMENT.format(0)
            + "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. "
            "Expected at level: 2",
        ),
        (
            {"instances": [[1, [2]]]},
            ONE_FLOAT,
            ELEMENT.format(0) + "Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            {"instances": [1, 2]},
            TWO_FLOATS,
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map",
        ),
        (
            {"inputs": [1, 2]},
            TWO_FLOATS,
            "inputs is a plain value/list, but expecting an object as multiple input "
            "tensors required as per tensorinfo_map",
        ),
        (
            {"instances": [{"z": 1}]},
            ONE_FLOAT,
            "Failed to process element: 0 key: z of 'instances' list. Error: "
            "INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        (
            {"instances": [{"a": 1}]},
            TWO_FLOATS,
            "Failed to process element: 0 of 'instances' list. JSON object: "
            '{\n    "a": 1\n} keys must be equal to: a,b',
        ),
        (
            {"instances": [{"x": 1}, [2]]},
            ONE_FLOAT,
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"instances": [1, {"x": 2}]},
            ONE_FLOAT,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            {"inputs": {"b": 1}},
            TWO_FLOATS,
            "Missing named input: a in 'inputs' object.",
        ),
        (
            {"inputs": [{"b64": 1}]},
            infos_of(x="DT_STRING"),
            'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data',
        ),
    ],
)
def test_a_wrong_body_has_upstream_s_words(
    body: Any, infos: dict[str, Any], message: str
) -> None:
    with pytest.raises(StatusError) as caught:
        parse(body, infos)
    assert caught.value.message == message
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_an_echo_ends_after_256_bytes() -> None:
    with pytest.raises(StatusError) as caught:
        parse([12345678] * 1000, ONE_FLOAT)
    # The value that crosses the limit is the last; no bracket closes.
    values = "[" + ", ".join(["12345678"] * 26)
    assert caught.value.message == f"JSON Value: {values} Is not object"


@pytest.mark.parametrize(
    "body, text",
    [
        (
            b'[1.0, 1e30, 2.5e-7, 100000, "\\u001f/"]',
            '[1.0, 1e30, 2.5e-7, 100000, "\\u001F/"]',
        ),
        (
            b'[{"a": {"b": []}, "c": {}}]',
            '[{\n        "a": {\n            "b": []\n        },\n'
            '        "c": {}\n    }]',
        ),
        (b'[{"a": 1, "a": 2}]', '[{\n        "a": 1,\n        "a": 2\n    }]'),
        (b"[1, NaN, 2]", "[1, "),
        (b"[1e20, 1e21]", "[100000000000000000000.0, 1e21]"),
        (b"[0.000001, 0.0000001]", "[0.000001, 1e-7]"),
        (b'["\xff"]', '["\udcff"]'),
    ],
)
def test_an_echo_reads_as_rapidjson_writes(body: bytes, text: str) -> None:
    with pytest.raises(StatusError) as caught:
        parse(body, ONE_FLOAT)
    assert caught.value.message == f"JSON Value: {text} Is not object"


def test_the_body_is_read_before_any_model_is_asked() -> None:
    request = predict_body.read_predict(b'{"signature_name": "s", "inputs": 1}')
    assert request.signature_name == "s"
    assert request.tensors(ONE_FLOAT).inputs["x"] == 1
    with pytest.raises(StatusError, match="JSON Parse error"):
        predict_body.read_predict(b"{")


def test_the_first_of_repeated_top_level_keys_counts() -> None:
    parsed = parse(b'{"instances": [1], "x": 0, "instances": [2]}', ONE_FLOAT)
    assert parsed.inputs["x"].tolist() == [1]


def test_other_keys_are_ignored() -> None:
    assert parse({"inputs": 1, "more": [{"b": None}]}, ONE_FLOAT).inputs["x"] == 1
