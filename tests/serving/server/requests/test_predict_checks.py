"""Names of inputs and outputs are checked in upstream's words."""

from typing import Any

import numpy as np
import pytest

from serving.client.wire import tensors
from serving.server.requests.predict_checks import check_inputs, check_outputs
from serving.server.status import StatusError
from tests.support.serving.fakes import signature

TENSOR = ("DT_FLOAT", [-1])
TWO = signature({"a": TENSOR, "b": TENSOR}, {"x": TENSOR, "y": TENSOR})
ONE = np.zeros(1, np.float32)


def _with_default(alias: str) -> Any:
    message = signature({"a": TENSOR, "b": TENSOR}, {"x": TENSOR})
    message.defaults[alias].CopyFrom(tensors.encode(np.float32([7])))
    return message


@pytest.mark.parametrize(
    "names, message",
    [
        (
            ["x"],
            "input size does not match signature: 1!=2 len({x}) != len({a,b}). "
            "Sent extra: {x}. Missing but required: {a,b}.",
        ),
        (
            ["a", "b", "c"],
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). "
            "Sent extra: {c}. Missing but required: {}.",
        ),
        (
            ["a", "c"],
            "Signature input alias: b(feed name: b_feed:0) not found in request and no "
            "default value provided. Inputs expected to be in the request {a,c}, or "
            "default input alias set:  Inputs contains invalid name. Used request "
            "inputs: a, request input: a,c",
        ),
    ],
)
def test_a_wrong_set_of_inputs_is_spelled_out(names: list[str], message: str) -> None:
    with pytest.raises(StatusError) as caught:
        check_inputs(TWO, dict.fromkeys(names, ONE))
    assert caught.value.message == message


def test_defaults_fill_what_is_left_out() -> None:
    complete = check_inputs(_with_default("b"), {"a": ONE})
    assert complete["b"].tolist() == [7]


def test_what_has_no_default_is_still_missing() -> None:
    with pytest.raises(StatusError) as caught:
        check_inputs(_with_default("b"), {"b": ONE})
    assert caught.value.message.endswith("request {b}, or default input alias set: b")


def test_extra_inputs_are_named_where_defaults_are_around() -> None:
    expected = (
        "Inputs contains invalid name. Used request inputs: a, request input: a,z"
    )
    with pytest.raises(StatusError, match=expected):
        check_inputs(_with_default("b"), {"a": ONE, "z": ONE})


def test_outputs_are_all_or_those_asked_for() -> None:
    assert check_outputs(TWO, []) == ["x", "y"]
    assert check_outputs(TWO, ["y"]) == ["y"]


@pytest.mark.parametrize(
    "output_filter, message",
    [
        (
            ["z"],
            "output tensor alias not found in signature: z "
            "Outputs expected to be in the set {x,y}.",
        ),
        (["x", "x"], "duplicate output tensor alias: x"),
    ],
)
def test_a_wrong_filter_is_refused(output_filter: list[str], message: str) -> None:
    with pytest.raises(StatusError) as caught:
        check_outputs(TWO, output_filter)
    assert caught.value.message == message
