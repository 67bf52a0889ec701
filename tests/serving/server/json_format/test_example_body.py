"""REST classify and regress bodies, row by row of upstream's behaviour."""

import json
from typing import Any

import numpy as np
import pytest

from serving.server.json_format import example_body
from serving.server.requests.results import Classes, Values
from serving.server.status import Code, StatusError
from tests.support.serving.server.inference_cases import labelled


def _parse(body: Any) -> example_body.ExamplesBody:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return example_body.parse_examples(raw)


def _feature(value: Any) -> Any:
    message = _parse({"examples": [{"f": value}]}).message
    return message.example_list.examples[0].features.feature["f"]


def _message(body: Any) -> str:
    with pytest.raises(StatusError) as caught:
        _parse(body)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


@pytest.mark.parametrize(
    "value, kind, values",
    [
        (1.5, "float_list", [1.5]),
        ([1.0, 2.0], "float_list", [1.0, 2.0]),
        ([1e300], "float_list", [np.inf]),
        (3, "int64_list", [3]),
        ([-(2**63), 2**63 - 1], "int64_list", [-(2**63), 2**63 - 1]),
        ([True, False, 5], "int64_list", [1, 0, 5]),
        ("é", "bytes_list", ["é".encode()]),
        (["a", {"b64": "_w==".replace("_", "/")}], "bytes_list", [b"a", b"\xff"]),
    ],
)
def test_the_value_decides_the_kind_of_feature(
    value: Any, kind: str, values: list[Any]
) -> None:
    feature = _feature(value)
    assert feature.WhichOneof("kind") == kind
    assert list(getattr(feature, kind).value) == values


def test_an_empty_list_is_a_feature_without_kind() -> None:
    assert _feature([]).WhichOneof("kind") is None


def test_special_floats_are_floats() -> None:
    message = _parse(b'{"examples": [{"f": [Infinity, -Infinity]}]}').message
    feature = message.example_list.examples[0].features.feature["f"]
    assert list(feature.float_list.value) == [np.inf, -np.inf]


def test_a_context_makes_a_list_with_context() -> None:
    body = {"context": {"c": 1}, "examples": [{"x": 2}, {}], "signature_name": "s"}
    parsed = _parse(body)
    assert parsed.signature_name == "s"
    assert parsed.message.WhichOneof("kind") == "example_list_with_context"
    listed = parsed.message.example_list_with_context
    assert list(listed.context.features.feature["c"].int64_list.value) == [1]
    assert len(listed.examples) == 2


def test_of_a_feature_that_comes_twice_the_last_counts() -> None:
    message = _parse(b'{"examples": [{"f": 1, "f": "a"}]}').message
    feature = message.example_list.examples[0].features.feature["f"]
    assert list(feature.bytes_list.value) == [b"a"]


ECHO = 'JSON Value: {\n    "examples": '


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "JSON Parse error: The document is empty"),
        ([1], "JSON Value: [1] Is not object"),
        (
            {},
            "JSON Value: {} When method is classify, key 'examples' is expected and "
            "was not found",
        ),
        (
            {"signature_name": 1},
            'JSON Value: {\n    "signature_name": 1\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
        ),
        (
            {"examples": 1},
            ECHO + "1\n} Expecting 'examples' value to be an list/array",
        ),
        ({"examples": []}, ECHO + "[]\n} 'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{}, [1]]}, "Example must be JSON object but got JSON Array"),
        (
            {"context": True, "examples": [{}]},
            "Example must be JSON object but got JSON True",
        ),
        (
            {"examples": [{"f": [1, 1.5]}]},
            "Unexpected element type in feature: f expecting type: int64",
        ),
        (
            {"examples": [{"f": [1.5, 1]}]},
            "Unexpected element type in feature: f expecting type: float",
        ),
        (
            {"examples": [{"f": ["a", True]}]},
            "Unexpected element type in feature: f expecting type: bytes",
        ),
        (
            {"examples": [{"f": [1, {"b64": "?"}]}]},
            "Unexpected element type in feature: f expecting type: int64",
        ),
        (
            {"examples": [{"f": None}]},
            "Feature: f has element with unexpected JSON type: Null",
        ),
        (
            {"examples": [{"f": [[1]]}]},
            "Feature: f has element with unexpected JSON type: Array",
        ),
        (
            {"examples": [{"f": {"b64": 1}}]},
            "Feature: f has element with unexpected JSON type: Object",
        ),
        (
            {"examples": [{"f": 2**63}]},
            "Feature: f has uint64_t element. Only int64_t is supported.",
        ),
    ],
)
def test_a_wrong_body_has_upstream_s_words(body: Any, message: str) -> None:
    assert _message(body) == message


def test_bad_base64_names_the_feature() -> None:
    message = _message({"examples": [{"f": {"b64": "_-8="}}]})
    assert message.startswith("Unable to base64 decode")
    assert "feature f" in message
    assert "URL-safe" in message


def test_classes_are_pairs_on_one_line() -> None:
    found = Classes(
        labelled([["a", 'b"'], ["c", "d"]]), np.float32([[0.2, 1], [1e-7, np.nan]])
    )
    assert example_body.results_answer(found).decode() == (
        '{\n    "results": [[["a", 0.2], ["b\\"", 1.0]], '
        '[["c", 1e-07], ["d", NaN]]\n    ]\n}'
    )


def test_missing_classes_are_empty_labels_and_missing_scores_zeros() -> None:
    answer = example_body.results_answer(Classes(None, np.float32([[0.5, 1]])))
    assert json.loads(answer) == {"results": [[["", 0.5], ["", 1.0]]]}
    answer = example_body.results_answer(Classes(labelled([["a"], ["b"]]), None))
    assert json.loads(answer) == {"results": [[["a", 0.0]], [["b", 0.0]]]}


@pytest.mark.parametrize("count", [1, 3])
def test_no_classes_are_empty_rows(count: int) -> None:
    answer = example_body.results_answer(Classes(None, np.zeros((count, 0), "f4")))
    assert json.loads(answer) == {"results": [[]] * count}


def test_labels_that_are_no_utf8_pass_as_they_are() -> None:
    labels = np.array([[b"\xff"]], object)
    answer = example_body.results_answer(Classes(labels, None))
    assert b'["\xff", 0.0]' in answer


def test_values_are_a_plain_list() -> None:
    answer = example_body.results_answer(Values(np.float32([0.2, 3, np.inf])))
    assert answer == b'{\n    "results": [0.2, 3.0, Infinity]\n}'
