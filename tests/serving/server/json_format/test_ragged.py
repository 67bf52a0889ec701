"""Ragged `instances`: padded when asked, explained otherwise."""

import json
from typing import Any

import numpy as np
import pytest

from serving.server.json_format import ragged
from serving.server.status import Code, StatusError
from tests.support.serving.server.json_bodies import (
    ONE_FLOAT,
    TWO_FLOATS,
    infos_of,
    parse,
)


def _padded(instances: list[Any], infos: dict[str, Any]) -> dict[str, np.ndarray]:
    return parse({"instances": instances, "pad_ragged": True}, infos).inputs


@pytest.mark.parametrize(
    "dtype, instances, expected",
    [
        ("DT_FLOAT", [[1], [2, 3], []], [[1, 0], [2, 3], [0, 0]]),
        ("DT_INT64", [[[1, 2]], [[3], [4]]], [[[1, 2], [0, 0]], [[3, 0], [4, 0]]]),
        ("DT_STRING", [["a", "b"], ["c"]], [[b"a", b"b"], [b"c", b""]]),
        ("DT_STRING", [[{"b64": "/w=="}], []], [[b"\xff"], [b""]]),
        ("DT_BOOL", [[True], []], [[True], [False]]),
        ("DT_FLOAT", [1, 2], [1, 2]),
    ],
)
def test_shorter_lists_are_filled_at_their_end(
    dtype: str, instances: list[Any], expected: list[Any]
) -> None:
    assert _padded(instances, infos_of(x=dtype))["x"].tolist() == expected


def test_every_input_of_named_rows_is_padded_by_itself() -> None:
    rows = [{"a": [1], "b": 5}, {"b": 6, "a": [2, 3]}]
    inputs = _padded(rows, TWO_FLOATS)
    assert inputs["a"].tolist() == [[1, 0], [2, 3]]
    assert inputs["b"].tolist() == [5, 6]


@pytest.mark.parametrize("value", [False, None, "true", 1])
def test_only_true_asks_for_padding(value: Any) -> None:
    with pytest.raises(StatusError, match="Expecting tensor size"):
        parse({"instances": [[1], [1, 2]], "pad_ragged": value}, ONE_FLOAT)


@pytest.mark.parametrize(
    "instances",
    [
        [[1, 2, 3], [1, 2]],
        [[[1, 2]], [[3], [4]]],
        [[[1, 2], [3]]],
    ],
)
def test_the_error_says_how_to_ask(instances: list[Any]) -> None:
    with pytest.raises(StatusError) as caught:
        parse({"instances": instances}, ONE_FLOAT)
    assert caught.value.message.endswith(ragged.HINT)
    assert _padded(instances, ONE_FLOAT)["x"].size


@pytest.mark.parametrize("instances", [[[1], 2], [[[1]], [2]], [1, [2]]])
def test_what_padding_does_not_mend_stays_an_error(instances: list[Any]) -> None:
    for is_padded in (False, True):
        body = {"instances": instances, "pad_ragged": is_padded}
        with pytest.raises(StatusError) as caught:
            parse(body, ONE_FLOAT)
        assert caught.value.code is Code.INVALID_ARGUMENT
        assert "pad_ragged" not in caught.value.message


@pytest.mark.parametrize(
    "instances",
    [
        [[0] * 10_000, *([[]] * 10_000)],
        [[[]] * 10_000, *([[]] * 10_000)],
    ],
)
def test_a_small_body_does_not_make_a_huge_tensor(instances: list[Any]) -> None:
    body = json.dumps({"instances": instances, "pad_ragged": True}).encode()
    with pytest.raises(StatusError, match="at most 67108864 are allowed"):
        parse(body, ONE_FLOAT)


def test_padding_leaves_lists_alone_that_are_too_deep_for_a_tensor() -> None:
    body = b'{"pad_ragged": true, "instances": ' + b"[" * 950 + b"]" * 950 + b"}"
    with pytest.raises(StatusError, match="levels can be a tensor"):
        parse(body, ONE_FLOAT)
